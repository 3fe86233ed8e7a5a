//! Streams all records that fit.

use contract::identity::{ExportAuditRecordsRequest, ExportAuditRecordsResponse};
use rpc::{Caller, Error};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Answers, reader::Reader};
use crate::Identity;

const METHOD: &str = "/usher.identity.v1.AuditService/ExportAuditRecords";

type Answer = Result<ExportAuditRecordsResponse, Status>;

pub async fn run(
    app: &Identity,
    caller: Caller,
    ask: ExportAuditRecordsRequest,
) -> Result<Answers<ExportAuditRecordsResponse>, Error> {
    let after = Some(ask.after_sequence);
    let reader = Reader::new(app, caller, METHOD, ask.filter, after).await?;
    let (answers, stream) = mpsc::channel(2);
    tokio::spawn(async move {
        if let Err(error) = write(reader, &answers).await {
            let _ = answers.send(Err(error.into())).await;
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
            if answers.send(Ok(answer)).await.is_err() {
                return Ok(());
            }
        }
        if piece.last {
            return Ok(());
        }
    }
}
