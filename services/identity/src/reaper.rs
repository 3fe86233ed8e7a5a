//! Removes what is over, a little at a time. Nothing depends on it: whoever
//! reads a row asks whether it still counts (B-39).

use rpc::Error;
use store::Store;

use crate::{db, devices};

/// The most rows of a table in one transaction.
const BATCH: i64 = 500;

/// Removes one batch of each kind. True where there may be more.
pub async fn run(store: &Store) -> Result<bool, Error> {
    let mut tx = store.worker().await?;
    let removed = [
        db::login_flows::reap(&mut tx, BATCH).await?,
        db::sessions::reap(&mut tx, BATCH).await?,
        db::api_keys::reap(&mut tx, BATCH).await?,
        db::reset_tokens::reap(&mut tx, BATCH).await?,
        db::password_mails::reap(&mut tx, BATCH).await?,
        db::address_mails::reap(&mut tx, BATCH).await?,
        db::attempts::reap(&mut tx, BATCH).await?,
        db::devices::reap(&mut tx, devices::UNUSED, BATCH).await?,
        db::totp_enrolments::reap(&mut tx, BATCH).await?,
        db::sms_codes::reap(&mut tx, BATCH).await?,
        db::sms_messages::reap(&mut tx, BATCH).await?,
        db::email_changes::reap(&mut tx, BATCH).await?,
        db::erasures::reap(&mut tx, BATCH).await?,
    ];
    // One of them may have 10,000 results.
    let operations = db::bulk_operations::reap(&mut tx, 1).await?;
    tx.done().await?;
    Ok(operations > 0
        || removed
            .iter()
            .any(|count| i64::try_from(*count).is_ok_and(|count| count >= BATCH)))
}
