//! The queue: mails are claimed by lease, and every change of a claimed mail
//! proves the lease.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Kind;
use crate::db::{InvitationId, Lease, MailId, TenantId, UserId};

/// How long a sender is believed to be alive. It renews its lease while a mail
/// server takes its time, so a crash costs no more than this.
pub(crate) const LEASE_SECONDS: f64 = 20.0;

/// A mail to send now.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) tenant_id: TenantId,
    pub(crate) id: MailId,
    pub(crate) kind: Kind,
    pub(crate) user_id: UserId,
    pub(crate) invitation_id: Option<InvitationId>,
    /// The change of the address that it tells of, where it goes to the former.
    pub(crate) change_id: Option<Uuid>,
    /// Where it went before, or is known to go; empty where identity knows better.
    pub(crate) email: String,
    /// This attempt included.
    pub(crate) attempts: i32,
}

/// Claims up to `most` mails that are due, of all tenants: for the worker role.
/// Mails to the domains in `not_to` are left for later.
pub(crate) async fn claim(
    db: &mut PgConnection,
    lease: Lease,
    most: i64,
    not_to: &[String],
) -> sqlx::Result<Vec<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"UPDATE mails SET attempts = attempts + 1, lease_token = $1,
                lease_time = clock() + make_interval(secs => $2)
            WHERE (tenant_id, id) IN (
                SELECT tenant_id, id FROM mails
                    WHERE state = 'queued' AND next_attempt_time <= clock()
                        AND (lease_time IS NULL OR lease_time <= clock())
                        AND domain <> ALL($4)
                    ORDER BY priority, next_attempt_time LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING tenant_id AS "tenant_id: _", id AS "id: _", kind AS "kind: _",
                user_id AS "user_id: _", invitation_id AS "invitation_id: _", change_id, email, attempts"#,
        lease.0,
        LEASE_SECONDS,
        most,
        not_to,
    )
    .fetch_all(db)
    .await
}

/// Holds on to a mail. False where the lease was lost.
pub(crate) async fn hold(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
) -> sqlx::Result<bool> {
    let held = sqlx::query!(
        "UPDATE mails SET lease_time = clock() + make_interval(secs => $4)
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3 AND state = 'queued'",
        tenant as _,
        id as _,
        lease.0,
        LEASE_SECONDS,
    )
    .execute(db)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Notes where a mail goes and in which language.
pub(crate) async fn address(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
    email: &str,
    language: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET email = $4, domain = lower(split_part($4, '@', -1)), language = $5
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        tenant as _,
        id as _,
        lease.0,
        email,
        language,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The mail server took it. False where the lease was lost.
pub(crate) async fn sent(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
    answer: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE mails SET state = 'sent', send_time = clock(), last_answer = $4,
                lease_time = NULL, lease_token = NULL
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        tenant as _,
        id as _,
        lease.0,
        answer,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It is given up. False where the lease was lost.
pub(crate) async fn failed(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
    answer: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE mails SET state = 'failed', last_answer = $4, lease_time = NULL, lease_token = NULL
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3 AND state = 'queued'",
        tenant as _,
        id as _,
        lease.0,
        answer,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It is tried again after `seconds`.
pub(crate) async fn later(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
    answer: &str,
    seconds: f64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET last_answer = $4, next_attempt_time = clock() + make_interval(secs => $5),
                lease_time = NULL, lease_token = NULL
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        tenant as _,
        id as _,
        lease.0,
        answer,
        seconds,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It never came to the mail server, for a reason of ours; the attempt does
/// not count.
pub(crate) async fn postpone(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
    seconds: f64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE mails SET attempts = attempts - 1, lease_time = NULL, lease_token = NULL,
                next_attempt_time = clock() + make_interval(secs => $4)
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        tenant as _,
        id as _,
        lease.0,
        seconds,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It is not needed any more. False where the lease was lost.
pub(crate) async fn drop_mail(
    db: &mut PgConnection,
    tenant: TenantId,
    id: MailId,
    lease: Lease,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE mails SET state = 'dropped', attempts = attempts - 1, lease_time = NULL, lease_token = NULL
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3 AND state = 'queued'",
        tenant as _,
        id as _,
        lease.0,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
