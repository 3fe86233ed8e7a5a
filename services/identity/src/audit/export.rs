//! Streams all records that fit.

use std::time::Duration;

use contract::{
    errors,
    identity::{ExportAuditRecordsRequest, ExportAuditRecordsResponse},
};
use rpc::{Because as _, Caller, Error};
use tokio::sync::mpsc::{self, error::SendTimeoutError};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Answers, reader::Reader, watch};
use crate::Identity;

const METHOD: &str = "/usher.identity.v1.AuditService/ExportAuditRecords";

/// How long a piece waits for its reader, who holds a place meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);

type Answer = Result<ExportAuditRecordsResponse, Status>;

pub async fn run(
    app: &Identity,
    caller: Caller,
    ask: ExportAuditRecordsRequest,
) -> Result<Answers<ExportAuditRecordsResponse>, Error> {
    let places = watch::places(app, &caller)?;
    let after = Some(ask.after_sequence);
    let reader = Reader::new(app, caller, METHOD, ask.filter, after).await?;
    let (answers, stream) = mpsc::channel(2);
    // One place is kept, so that an end before the end is always told.
    let last = answers.clone().try_reserve_owned();
    tokio::spawn(async move {
        let _places = places;
        if let Err(error) = write(reader, &answers).await
            && let Ok(last) = last
        {
            last.send(Err(error.into()));
        }
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

/// Writes piece after piece, as fast as the caller takes them.
async fn write(mut reader: Reader, answers: &mpsc::Sender<Answer>) -> Result<(), Error> {
    loop {
        let piece = reader.next().await?;
        if !piece.records.is_empty() {
            let answer = ExportAuditRecordsResponse {
                records: piece.records,
            };
            match answers.send_timeout(Ok(answer), PATIENCE).await {
                Ok(()) => {}
                Err(SendTimeoutError::Closed(_)) => return Ok(()),
                Err(SendTimeoutError::Timeout(_)) => return Err(unread(reader.sequence)),
            }
        }
        if piece.last {
            return Ok(());
        }
    }
}

fn unread(sequence: i64) -> Error {
    errors::ErrorReason::DeadlineExceeded.because(format!(
        "nobody read the export for a minute; go on after the last record that came, \
         at most {sequence}"
    ))
}
