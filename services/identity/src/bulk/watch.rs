//! Streams an operation as it changes.

use std::time::Duration;

use contract::{
    Id,
    identity::{BulkOperation, WatchBulkOperationRequest, WatchBulkOperationResponse},
};
use rpc::{Caller, Error};
use store::Store;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Answers;
use crate::{Identity, access::Access, audit, db};

const METHOD: &str = "/usher.identity.v1.BulkService/WatchBulkOperation";

/// How long a stream lasts: whoever wants more calls again, and is asked again
/// who they are.
const LIFE: Duration = Duration::from_mins(10);
/// How often the operation is looked at.
const LOOK: Duration = Duration::from_secs(1);

type Answer = Result<WatchBulkOperationResponse, Status>;

pub async fn run(
    app: &Identity,
    caller: Caller,
    ask: WatchBulkOperationRequest,
) -> Result<Answers<WatchBulkOperationResponse>, Error> {
    let places = audit::watch::places(app, &caller)?;
    let watcher = Watcher {
        store: app.store.clone(),
        access: Access::of(app, &caller, METHOD)?,
        caller,
        id: ask.bulk_operation_id.parse()?,
    };
    let first = watcher.read().await?;
    let (answers, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let _places = places;
        let _ = timeout(LIFE, watcher.run(first, answers)).await;
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

struct Watcher {
    store: Store,
    access: Access,
    caller: Caller,
    id: Id<BulkOperation>,
}

impl Watcher {
    async fn run(self, first: BulkOperation, answers: mpsc::Sender<Answer>) {
        let (mut told, mut seen) = (None, first);
        loop {
            let over = seen.end_time.is_some();
            if told.as_ref() != Some(&seen) {
                told = Some(seen.clone());
                let bulk_operation = Some(seen);
                let answer = WatchBulkOperationResponse { bulk_operation };
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
            if over {
                return;
            }
            tokio::select! {
                () = answers.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            seen = match self.look().await {
                Ok(seen) => seen,
                Err(error) => {
                    let _ = answers.send(Err(error.into())).await;
                    return;
                }
            };
        }
    }

    async fn look(&self) -> Result<BulkOperation, Error> {
        self.access.still_holds().await?;
        self.read().await
    }

    async fn read(&self) -> Result<BulkOperation, Error> {
        let mut tx = self.store.read(&self.caller).await?;
        let row = db::bulk_operations::get(&mut tx, self.caller.tenant()?, self.id).await?;
        Ok(row.ok_or_else(super::not_found)?.into())
    }
}
