//! Streams records as they are made.

use std::time::Duration;

use contract::identity::{ErrorReason, WatchAuditRecordsRequest, WatchAuditRecordsResponse};
use rpc::{Because as _, Caller, Error, places::Place};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Answers, reader::Reader};
use crate::Identity;

const METHOD: &str = "/usher.identity.v1.AuditService/WatchAuditRecords";

/// How long a stream lasts: whoever wants more calls again, and is asked again
/// who they are.
const LIFE: Duration = Duration::from_mins(10);
/// How often the trail is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The most streams of a caller.
pub const OF_CALLER: usize = 10;
/// The most streams in a tenant.
pub const OF_TENANT: usize = 100;

type Answer = Result<WatchAuditRecordsResponse, Status>;

pub async fn run(
    app: &Identity,
    caller: Caller,
    ask: WatchAuditRecordsRequest,
) -> Result<Answers<WatchAuditRecordsResponse>, Error> {
    let places = places(app, &caller)?;
    let reader = Reader::new(app, caller, METHOD, ask.filter, ask.after_sequence).await?;
    let (answers, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let _places = places;
        let _ = timeout(LIFE, watch(reader, answers)).await;
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

/// Takes the places of a stream, of which a caller and a tenant have so many.
pub fn places(app: &Identity, caller: &Caller) -> Result<[Place; 2], Error> {
    let many = || {
        let why = "as many streams are open as may be; end one of them";
        ErrorReason::TooManyWatches.because(why)
    };
    let (user, tenant) = (caller.user()?.uuid(), caller.tenant()?.uuid());
    Ok([
        app.watches.take(user).ok_or_else(many)?,
        app.watches_of_tenant.take(tenant).ok_or_else(many)?,
    ])
}

async fn watch(mut reader: Reader, answers: mpsc::Sender<Answer>) {
    // The first answer says from where on, even where nothing is new.
    let mut told = None;
    loop {
        let piece = match reader.next().await {
            Ok(piece) => piece,
            Err(error) => {
                let _ = answers.send(Err(error.into())).await;
                return;
            }
        };
        if told.is_none() || !piece.records.is_empty() {
            let answer = WatchAuditRecordsResponse {
                records: piece.records,
                sequence: u64::try_from(reader.sequence).unwrap_or_default(),
            };
            if answers.send(Ok(answer)).await.is_err() {
                return;
            }
            told = Some(reader.sequence);
        }
        if piece.last {
            tokio::select! {
                () = answers.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}
