//! Users whom identity was let disable, lock or delete (`AuthorizeUserChange`) and of
//! whom nothing was heard since.
//!
//! Identity's event makes it true within a moment. Where none came, identity
//! failed on the way, or its feed is late: it is asked, for it knows. Asked no
//! sooner than its own transaction can last.

use rpc::{Caller, Error};

use crate::bindings::find;
use crate::db::subjects::Leaver;
use crate::{Authorization, db};

/// Longer than a call of identity can take.
const LATE_SECONDS: f64 = 60.0;
const AT_ONCE: i64 = 100;

/// Counts those again who stayed.
pub async fn settle(app: &Authorization) -> Result<(), Error> {
    let mut tx = app.store.worker().await?;
    let late = db::subjects::late_leavers(&mut tx, LATE_SECONDS, AT_ONCE).await?;
    drop(tx);
    let mut done = Ok(());
    for leaver in late {
        // One that fails does not hold up the rest.
        done = settle_one(app, &leaver).await.and(done);
    }
    done
}

async fn settle_one(app: &Authorization, leaver: &Leaver) -> Result<(), Error> {
    let caller = Caller::system("authorization", leaver.tenant);
    let found = find(app, &caller, leaver.user).await?;
    if found.is_none_or(|found| found.is_suspended() || found.is_locked()) {
        // Gone indeed; the event is on its way.
        return Ok(());
    }
    let mut tx = app.store.tenant(leaver.tenant, &caller).await?;
    db::subjects::stay(&mut tx, leaver).await?;
    tx.done().await
}
