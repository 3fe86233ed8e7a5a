//! Streams an import as it changes.

use std::time::Duration;

use contract::{
    Id,
    importer::{Import, WatchImportRequest, WatchImportResponse},
};
use rpc::{Caller, Error};
use store::Store;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::{Answers, view};
use crate::{Importer, db, imports};

/// At most this often is an import looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// At least this often, where nothing was heard of: another replica works.
const LOOK: Duration = Duration::from_millis(300);
/// At most this often is an import told of, but for its end.
const TELL: Duration = Duration::from_millis(250);

type Answer = Result<WatchImportResponse, Status>;

pub async fn run(
    app: &Importer,
    caller: Caller,
    ask: WatchImportRequest,
) -> Result<Answers<WatchImportResponse>, Error> {
    let id: Id<Import> = ask.import_id.parse()?;
    let mut tx = app.store.read(&caller).await?;
    let stored = db::imports::find(&mut tx, caller.tenant()?.uuid(), id.uuid()).await?;
    let first = imports::view(
        app,
        &caller,
        &mut tx,
        stored.ok_or_else(imports::not_found)?,
    )
    .await?;
    tx.done().await?;

    let (answers, stream) = mpsc::channel(1);
    let watcher = Watcher {
        store: app.store.clone(),
        moved: app.moved.subscribe(),
        caller,
        id: id.uuid(),
        answers,
    };
    tokio::spawn(watcher.run(first));
    Ok(Box::pin(ReceiverStream::new(stream)))
}

struct Watcher {
    store: Store,
    moved: watch::Receiver<()>,
    caller: Caller,
    id: Uuid,
    answers: mpsc::Sender<Answer>,
}

impl Watcher {
    async fn run(mut self, mut told: Import) {
        let over = |import: &Import| import.end_time.is_some();
        let mut answer = Some(told.clone());
        loop {
            if let Some(import) = answer.take() {
                told = import.clone();
                if self
                    .answers
                    .send(Ok(WatchImportResponse {
                        import: Some(import),
                    }))
                    .await
                    .is_err()
                    || over(&told)
                {
                    return;
                }
            }
            let since = Instant::now();
            while answer.is_none() {
                if self.pause().await.is_none() {
                    return;
                }
                match self.look(&told).await {
                    Ok(seen) => {
                        answer = seen.filter(|import| over(import) || since.elapsed() >= TELL);
                    }
                    Err(error) => {
                        let _ = self.answers.send(Err(error.into())).await;
                        return;
                    }
                }
            }
        }
    }

    /// Waits for a reason to look; `None` where nobody listens any more.
    async fn pause(&mut self) -> Option<()> {
        let answers = self.answers.clone();
        let reason = async {
            tokio::time::sleep(PAUSE).await;
            let _ = tokio::time::timeout(LOOK.saturating_sub(PAUSE), self.moved.changed()).await;
        };
        tokio::select! {
            () = answers.closed() => None,
            () = reason => Some(()),
        }
    }

    /// The import, where it is not as told. What only a review counts stays as
    /// it was told first.
    async fn look(&self, told: &Import) -> Result<Option<Import>, Error> {
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
