//! Who works on which import.
//!
//! A lease only keeps two workers from doing the same work at the same time.
//! That each row is done once does not rest on it: every write names the lease
//! and the checkpoint in its WHERE.

use std::{pin::pin, time::Duration};

use contract::Id;
use rpc::Error;
use uuid::Uuid;

use crate::{
    Importer,
    db::commits::{self, Claimed},
};

/// How long a worker may be silent before another takes over, in seconds.
pub const SECONDS: f64 = 4.0;
/// How often it gives word.
const RENEWAL: Duration = Duration::from_secs(1);

/// An import that this worker has to itself.
pub struct Lease {
    pub id: Uuid,
    pub of: Claimed,
}

impl Lease {
    /// Takes the import whose turn it is.
    pub async fn claim(app: &Importer) -> Result<Option<Lease>, Error> {
        let id = Id::<Lease>::new().uuid();
        let mut tx = app.store.worker().await?;
        let claimed = commits::claim(&mut tx, id, SECONDS).await?;
        tx.done().await?;
        Ok(claimed.map(|of| Lease { id, of }))
    }

    /// Does something while giving word; `None`, and what was being done is
    /// dropped, where another worker has the import by now.
    pub async fn hold<T>(&self, app: &Importer, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                () = tokio::time::sleep(RENEWAL) => {
                    // Where Postgres is away, the lease runs out by itself.
                    if let Ok(false) = self.renew(app).await {
                        return None;
                    }
                }
            }
        }
    }

    async fn renew(&self, app: &Importer) -> Result<bool, Error> {
        let mut tx = app.store.worker().await?;
        let held = commits::renew(&mut tx, self.of.tenant_id, self.of.id, self.id, SECONDS).await?;
        tx.done().await?;
        Ok(held.is_some())
    }

    /// Gives the import back, for whoever claims it next to go on; `unsure` where
    /// nobody knows what became of the rows after the checkpoint.
    pub async fn release(&self, app: &Importer, unsure: bool) -> Result<(), Error> {
        let mut tx = app.store.worker().await?;
        commits::release(&mut tx, self.of.tenant_id, self.of.id, self.id, unsure).await?;
        tx.done().await
    }
}
