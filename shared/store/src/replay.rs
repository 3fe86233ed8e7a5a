//! One effect per request id, and the same reply each time.
//!
//! A transaction with a request id first takes an advisory lock on the hash of
//! (service, tenant, caller, request id) that lasts until it ends. Two uses at
//! the same time therefore run one after the other, and the second finds the
//! reply of the first before it does anything. The other way, letting both run
//! and the loser fail on the unique key of `replies` at its commit, is not
//! enough: the loser would often meet its twin's rows earlier, and refuse with
//! "exists already" what it should have replayed. The key stays as the net.
//!
//! A reply is kept for 48 hours. The same id after that is a new request. One that
//! tells of a user goes with them (requirement U-12): it is found by the ids that
//! stand in it, and a repetition is refused from then on.

use std::collections::BTreeSet;

use contract::errors::ErrorReason;
use rpc::{Because as _, Caller, Error};
use sqlx::PgConnection;
use uuid::{Uuid, fmt::Hyphenated};

use crate::{Keys, Store};

const PURPOSE: &str = "request";
/// The most replies that are removed in one transaction.
const BATCH: u64 = 500;

impl Store {
    /// Removes one batch of replies that are older than 48 hours. True where
    /// there may be more. Every service calls it now and then; two that do so
    /// at the same time take different ones.
    pub async fn forget_replies(&self) -> Result<bool, Error> {
        let mut tx = self.worker().await?;
        let done = sqlx::query(
            "DELETE FROM replies WHERE (tenant_id, caller, request_id) IN (
                 SELECT tenant_id, caller, request_id FROM replies
                 WHERE create_time < clock() - interval '48 hours'
                 LIMIT $1 FOR UPDATE SKIP LOCKED)",
        )
        .bind(i64::try_from(BATCH)?)
        .execute(&mut *tx)
        .await?;
        let named = sqlx::query(
            "DELETE FROM reply_subjects WHERE (tenant_id, subject_id, caller, request_id) IN (
                 SELECT tenant_id, subject_id, caller, request_id FROM reply_subjects
                 WHERE create_time < clock() - interval '48 hours'
                 LIMIT $1 FOR UPDATE SKIP LOCKED)",
        )
        .bind(i64::try_from(BATCH)?)
        .execute(&mut *tx)
        .await?;
        tx.done().await?;
        Ok(done.rows_affected() == BATCH || named.rows_affected() == BATCH)
    }
}

/// Forgets the replies of a tenant that name somebody.
pub async fn forget_about(db: &mut PgConnection, tenant: Uuid, subject: Uuid) -> sqlx::Result<()> {
    sqlx::query(
        "WITH named AS (
             DELETE FROM reply_subjects WHERE tenant_id = $1 AND subject_id = $2
             RETURNING caller, request_id)
         UPDATE replies r SET reply = NULL FROM named n
         WHERE r.tenant_id = $1 AND r.caller = n.caller AND r.request_id = n.request_id",
    )
    .bind(tenant)
    .bind(subject)
    .execute(db)
    .await?;
    Ok(())
}

/// The ids that stand in a reply, as the contract writes them.
pub(crate) fn subjects(reply: &[u8]) -> Vec<Uuid> {
    let ids = reply
        .windows(Hyphenated::LENGTH)
        .filter(|text| text[8] == b'-' && text[13] == b'-')
        .filter_map(|text| Uuid::try_parse_ascii(text).ok());
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A request that carries an id.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) tenant: Uuid,
    pub(crate) caller: String,
    pub(crate) id: Uuid,
    /// Keyed, because requests hold passwords.
    pub(crate) hash: [u8; 32],
}

impl Request {
    /// `None` where the request carries no id.
    pub(crate) fn of<M: contract::Request>(
        keys: &Keys,
        tenant: Uuid,
        caller: &Caller,
        ask: &M,
    ) -> Result<Option<Request>, Error> {
        let id = match ask.request_id() {
            "" => return Ok(None),
            id => Uuid::parse_str(id).map_err(|_| Error::field("request_id", "must be a UUID"))?,
        };
        let mut whole = M::full_name().into_bytes();
        whole.push(0);
        ask.encode(&mut whole)?;
        let hash = keys.keyed_hash(PURPOSE, &whole);
        Ok(Some(Request {
            tenant,
            caller: name(caller),
            id,
            hash,
        }))
    }

    /// Waits for other uses of this id to end, and answers the reply if one of
    /// them was committed. Another request under the same id is refused.
    pub(crate) async fn claim(
        &self,
        db: &mut PgConnection,
        keys: &Keys,
        service: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let row: Option<(Vec<u8>, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT request_hash, reply FROM claim_request($1, $2, $3, $4)")
                .bind(self.lock(keys, service))
                .bind(self.tenant)
                .bind(&self.caller)
                .bind(self.id)
                .fetch_optional(db)
                .await?;
        match row {
            None => Ok(None),
            Some((hash, _)) if hash != self.hash => Err(ErrorReason::RequestIdReused
                .because("this request id was used before, with another request")),
            Some((_, None)) => Err(ErrorReason::RequestIdReused.because(
                "this request was carried out before; its reply is not kept: it held a secret, or \
                 told of a user who was deleted",
            )),
            Some((_, reply)) => Ok(reply),
        }
    }

    /// Two requests may share a lock by chance; they only wait for each other.
    fn lock(&self, keys: &Keys, service: &str) -> i64 {
        let parts = [
            service.as_bytes(),
            self.tenant.as_bytes(),
            self.id.as_bytes(),
            self.caller.as_bytes(),
        ];
        let hash = keys.keyed_hash(PURPOSE, &parts.concat());
        hash.first_chunk()
            .map_or(0, |head| i64::from_be_bytes(*head))
    }
}

/// The same person through another service is another caller.
fn name(caller: &Caller) -> String {
    let service = caller.service.as_deref().unwrap_or_default();
    match caller.user {
        Some(user) => format!("{service}/{user}"),
        None => format!("{service}/"),
    }
}
