//! Writes the audit trail.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use contract::identity::{
    AuditFilter, AuditRecord, ExportAuditRecordsRequest, audit_service_client::AuditServiceClient,
};
use importer::formula::neutralised;

use crate::{Session, failure::Failure, print};

/// The forms of an export.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Format {
    /// A line of JSON a record.
    Json,
    /// A table for spreadsheets.
    Csv,
}

const HEADER: [&str; 13] = [
    "Sequence",
    "Time",
    "Service",
    "Action",
    "Actor ID",
    "Actor Email",
    "Actor Service",
    "Address",
    "Target ID",
    "Request ID",
    "Changes",
    "Record ID",
    "Hash",
];

/// Writes all records that fit, as they come.
pub async fn run(
    session: &Session,
    filter: AuditFilter,
    after_sequence: u64,
    format: Format,
    to: Option<PathBuf>,
) -> Result<(), Failure> {
    let ask = ExportAuditRecordsRequest {
        filter: Some(filter),
        after_sequence,
    };
    let mut client = AuditServiceClient::new(session.client.gateway());
    let mut pieces = client.export_audit_records(ask).await?.into_inner();
    let place = to
        .as_ref()
        .map_or_else(|| "stdout".into(), |path| path.display().to_string());
    let failed = |error: &std::io::Error| Failure::io(&place, error);
    let mut file = match &to {
        Some(path) => Some(BufWriter::new(
            File::create(path).map_err(|error| failed(&error))?,
        )),
        None => None,
    };
    let mut text = match format {
        Format::Json => Vec::new(),
        Format::Csv => row(&HEADER.map(str::to_owned))?,
    };
    loop {
        match &mut file {
            Some(file) => file.write_all(&text).map_err(|error| failed(&error))?,
            None => print::write(&text)?,
        }
        let Some(piece) = pieces.message().await? else {
            break;
        };
        text = written(session, &piece.records, format)?;
    }
    if let Some(mut file) = file {
        file.flush().map_err(|error| failed(&error))?;
        session.print.say(&format!("written: {place}"));
    }
    Ok(())
}

fn written(session: &Session, records: &[AuditRecord], format: Format) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    for record in records {
        match format {
            Format::Json => {
                text.extend(session.print.line(record)?.as_bytes());
                text.push(b'\n');
            }
            Format::Csv => text.extend(row(&cells(record))?),
        }
    }
    Ok(text)
}

fn cells(record: &AuditRecord) -> [String; 13] {
    let actor = record.actor.clone().unwrap_or_default();
    let seal = record.seal.clone().unwrap_or_default();
    let time = record.occur_time.unwrap_or_default();
    [
        seal.sequence.to_string(),
        time.to_string(),
        record.producer.clone(),
        record.action.clone(),
        actor.user_id,
        record.actor_email.clone(),
        actor.service,
        actor.address,
        record.target_id.clone(),
        record.request_id.clone(),
        super::changes(record),
        record.id.clone(),
        hex::encode(seal.hash),
    ]
    .map(neutralised)
}

/// A line of CSV (RFC 4180).
fn row(cells: &[String]) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Fault(error.to_string());
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(cells).map_err(|error| failed(&error))?;
    writer.into_inner().map_err(|error| failed(error.error()))
}
