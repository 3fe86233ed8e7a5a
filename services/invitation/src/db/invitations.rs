//! The table `invitations`.

pub(crate) mod answers;
pub(crate) mod leases;
pub(crate) mod list;
pub(crate) mod preparing;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{InvitationId, TenantId, UserId};

/// Where a row stands. `Expired` is not among them: time decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum State {
    /// Identity and authorization do not know of it for certain yet; nobody
    /// sees it.
    Preparing,
    /// The link can be followed, until it expires.
    Pending,
    /// The invitee's password is being set.
    Accepting,
    /// The invitee is a user.
    Accepted,
    /// The invitee does not want to.
    Declined,
}

/// An invitation, without the hash of its link.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
pub(crate) struct Row {
    pub(crate) tenant_id: TenantId,
    pub(crate) id: InvitationId,
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) role_ids: Vec<Uuid>,
    pub(crate) project_ids: Vec<Uuid>,
    pub(crate) default_group: bool,
    pub(crate) language: String,
    pub(crate) without_mail: bool,
    pub(crate) inviter_user_id: Option<UserId>,
    pub(crate) inviter_home_tenant_id: Option<TenantId>,
    pub(crate) inviter_name: String,
    pub(crate) inviter_email: String,
    pub(crate) inviter_hidden: bool,
    pub(crate) state: State,
    /// Whether it is pending and its time is over.
    pub(crate) expired: bool,
    pub(crate) revoked: bool,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) expire_time: DateTime<Utc>,
    pub(crate) version: i64,
    pub(crate) request_index: i32,
}

/// Reads rows: one list of columns for all who ask. `SELECT *` would change
/// under a running service when a migration adds a column.
macro_rules! select {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            crate::db::invitations::Row,
            r#"SELECT tenant_id AS "tenant_id: _", id AS "id: _", user_id AS "user_id: _", email,
                first_name, last_name, role_ids, project_ids, default_group, language, without_mail,
                inviter_user_id AS "inviter_user_id: _",
                inviter_home_tenant_id AS "inviter_home_tenant_id: _", inviter_name, inviter_email,
                inviter_hidden, state AS "state: _",
                (state = 'pending' AND expire_time <= clock()) AS "expired!",
                revoked, create_time, expire_time, version, request_index FROM invitations "# + $rest,
            $($argument),*
        )
    };
}
pub(crate) use select;

/// An invitation that an admin can see.
pub(crate) async fn get(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
) -> sqlx::Result<Option<Row>> {
    select!(
        "WHERE tenant_id = $1 AND id = $2 AND NOT revoked AND state <> 'preparing'",
        tenant as _,
        id as _,
    )
    .fetch_optional(db)
    .await
}

/// Invitations by id, in no order.
pub(crate) async fn by_ids(
    db: &mut PgConnection,
    tenant: TenantId,
    ids: &[InvitationId],
) -> sqlx::Result<Vec<Row>> {
    select!(
        "WHERE tenant_id = $1 AND id = ANY($2)",
        tenant as _,
        ids as _
    )
    .fetch_all(db)
    .await
}

/// The invitation that a user may still accept.
pub(crate) async fn open_of_user(
    db: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
) -> sqlx::Result<Option<InvitationId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: InvitationId" FROM invitations
            WHERE tenant_id = $1 AND user_id = $2 AND NOT revoked
                AND state IN ('preparing', 'pending', 'accepting')"#,
        tenant as _,
        user as _,
    )
    .fetch_optional(db)
    .await
}

/// The tenant and the id behind a link. Across tenants: for the worker role.
pub(crate) async fn find_link(
    db: &mut PgConnection,
    token_hash: &[u8],
) -> sqlx::Result<Option<(TenantId, InvitationId)>> {
    let row = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id: TenantId", id AS "id: InvitationId"
            FROM invitations WHERE token_hash = $1"#,
        token_hash,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (row.tenant_id, row.id)))
}

/// The invitation behind a link, unless a newer link replaced it.
pub(crate) async fn by_link(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    token_hash: &[u8],
) -> sqlx::Result<Option<Row>> {
    select!(
        "WHERE tenant_id = $1 AND id = $2 AND token_hash = $3",
        tenant as _,
        id as _,
        token_hash,
    )
    .fetch_optional(db)
    .await
}

/// Keeps the hash of a link just made, for the mail that carries it. `None`
/// where the mail is not wanted any more: another one was asked for, or the
/// invitation was answered, taken back, or has expired.
pub(crate) async fn set_link(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    mail: super::MailId,
    token_hash: &[u8],
) -> sqlx::Result<Option<Row>> {
    let set = sqlx::query!(
        "UPDATE invitations SET token_hash = $4
            WHERE tenant_id = $1 AND id = $2 AND mail_id = $3
                AND state = 'pending' AND NOT revoked AND expire_time > clock()",
        tenant as _,
        id as _,
        mail as _,
        token_hash,
    )
    .execute(&mut *db)
    .await?;
    if set.rows_affected() == 0 {
        return Ok(None);
    }
    get(db, tenant, id).await
}

/// Gives a pending invitation a new time, and the next link to another mail;
/// the old link is dead at once. False where it is not pending.
pub(crate) async fn renew(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    mail: super::MailId,
) -> sqlx::Result<bool> {
    let renewed = sqlx::query!(
        "UPDATE invitations SET token_hash = NULL, mail_id = $3, version = version + 1,
                expire_time = clock() + make_interval(days => $4)
            WHERE tenant_id = $1 AND id = $2 AND state = 'pending' AND NOT revoked",
        tenant as _,
        id as _,
        mail as _,
        crate::LINK_DAYS,
    )
    .execute(db)
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Forgets a deleted user: as invitee wholly, as inviter by name and address. An
/// invitation that was declined stays as a record, for its user went with the
/// answer; until somebody else of the same address, whom a mail or an invitation
/// has reached, is deleted. Called before their mails are.
pub(crate) async fn erase_user(
    db: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM invitations WHERE tenant_id = $1 AND state = 'declined' AND user_id <> $2
            AND email_key = ANY(ARRAY(
                SELECT email_key FROM mails WHERE tenant_id = $1 AND user_id = $2
                UNION
                SELECT email_key FROM invitations
                WHERE tenant_id = $1 AND user_id = $2 AND state <> 'declined'))",
        tenant as _,
        user as _,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM invitations WHERE tenant_id = $1 AND user_id = $2 AND state <> 'declined'",
        tenant as _,
        user as _,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE invitations SET inviter_name = '', inviter_email = '', version = version + 1
            WHERE tenant_id = $1 AND inviter_user_id = $2 AND inviter_email <> ''",
        tenant as _,
        user as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes the record of invitations that were declined, of which the link ended
/// 30 days ago, of all tenants: for a worker.
pub(crate) async fn reap_declined(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM invitations WHERE (tenant_id, id) IN (
            SELECT tenant_id, id FROM invitations
            WHERE state = 'declined' AND lease_time IS NULL
                AND expire_time < clock() - interval '30 days'
            LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
