//! Tells users of passwords that must be changed soon, once each.

use contract::identity::{Event, PasswordExpiring};
use rpc::Error;

use crate::{Identity, db};

/// The most users that are told in one transaction.
const BATCH: i64 = 200;

/// Tells all who are to be told now.
pub async fn run(app: &Identity) -> Result<(), Error> {
    loop {
        let mut tx = app.store.worker().await?;
        let claimed = db::passwords::claim_expiring(&mut tx, BATCH).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        for (tenant, user) in claimed {
            tx.switch_tenant(tenant).await?;
            tx.publish(Event::from(PasswordExpiring {
                user_id: user.to_string(),
            }));
        }
        tx.done().await?;
    }
}
