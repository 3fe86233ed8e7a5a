//! Streams an import as it changes.

mod access;

use std::time::Duration;

use contract::{
    Id,
    importer::{ErrorReason, Import, WatchImportRequest, WatchImportResponse},
};
use rpc::{Because as _, Caller, Error};
use store::Store;
use tokio::{
    sync::{broadcast, mpsc},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use self::access::Access;
use super::{Answers, view};
use crate::{Importer, db, imports};

/// How long a stream lasts: whoever wants more calls again, and is asked again
/// who they are.
const LIFE: Duration = Duration::from_mins(10);
/// How often the import is looked at. Its end on this replica is told at once.
const LOOK: Duration = Duration::from_secs(1);

type Answer = Result<WatchImportResponse, Status>;

pub async fn run(
    app: &Importer,
    caller: Caller,
    ask: WatchImportRequest,
) -> Result<Answers<WatchImportResponse>, Error> {
    let many = || {
        let why = "as many imports are watched as may be; end one of the streams";
        ErrorReason::TooManyWatches.because(why)
    };
    let places = [
        app.watches.take(caller.user()?.uuid()).ok_or_else(many)?,
        app.watches_of_tenant
            .take(caller.tenant()?.uuid())
            .ok_or_else(many)?,
    ];
    let id: Id<Import> = ask.import_id.parse()?;
    let ended = app.ended.subscribe();
    let mut tx = app.store.read(&caller).await?;
    let stored = db::imports::find(&mut tx, caller.tenant()?.uuid(), id.uuid()).await?;
    tx.done().await?;
    let first = view::import(app, &caller, stored.ok_or_else(imports::not_found)?).await?;

    let (answers, stream) = mpsc::channel(1);
    let watcher = Watcher {
        store: app.store.clone(),
        access: Access::of(app, &caller)?,
        ended,
        caller,
        id: id.uuid(),
        answers,
    };
    tokio::spawn(async move {
        let _places = places;
        let _ = timeout(LIFE, watcher.run(first)).await;
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

struct Watcher {
    store: Store,
    access: Access,
    ended: broadcast::Receiver<Uuid>,
    caller: Caller,
    id: Uuid,
    answers: mpsc::Sender<Answer>,
}

impl Watcher {
    async fn run(mut self, first: Import) {
        let mut told = first.clone();
        let mut answer = Some(Ok(first));
        loop {
            if let Some(import) = answer.take() {
                let last = import.is_err() || told.end_time.is_some();
                let answer = import.map(|import| WatchImportResponse {
                    import: Some(import),
                });
                if self.answers.send(answer).await.is_err() || last {
                    return;
                }
            }
            if !self.pause().await {
                return;
            }
            answer = self.look(&told).await.map_err(Status::from).transpose();
            if let Some(Ok(import)) = &answer {
                told = import.clone();
            }
        }
    }

    /// Waits for a reason to look; false where nobody listens any more.
    async fn pause(&mut self) -> bool {
        tokio::select! {
            () = self.answers.closed() => false,
            () = tokio::time::sleep(LOOK) => true,
            () = end_of(self.id, &mut self.ended) => true,
        }
    }

    /// The import, where it is not as told. What only a review counts stays as
    /// it was told first.
    async fn look(&self, told: &Import) -> Result<Option<Import>, Error> {
        self.access.still_holds().await?;
        let mut tx = self.store.read(&self.caller).await?;
        let stored = db::imports::find(&mut tx, self.caller.tenant()?.uuid(), self.id).await?;
        tx.done().await?;
        let stored = stored.ok_or_else(imports::not_found)?;
        let reviewed = view::in_review(&stored);
        let mut import = view::plain(
            &stored,
            if reviewed {
                told.unknown_roles.clone()
            } else {
                Vec::new()
            },
        );
        if let (true, Some(counts), Some(before)) = (reviewed, &mut import.counts, &told.counts) {
            counts.over_seats = before.over_seats;
        }
        Ok((import.etag != told.etag).then_some(import))
    }
}

/// Waits until an import is said to have ended, or it may have been missed.
async fn end_of(id: Uuid, ended: &mut broadcast::Receiver<Uuid>) {
    loop {
        match ended.recv().await {
            Ok(other) if other != id => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
