//! Rows on their way to becoming invitations.

use sqlx::PgConnection;

use super::{Row, select};
use crate::db::{InvitationId, Lease, MailId, TenantId, UserId};

/// How long whoever works on rows is believed to be alive.
pub(crate) const LEASE_SECONDS: f64 = 15.0;

/// A row to be.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) index: i32,
    pub(crate) id: InvitationId,
    pub(crate) user_id: UserId,
    pub(crate) email: String,
    pub(crate) email_key: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// Ids with commas between them: Postgres has no arrays of arrays of
    /// different lengths.
    pub(crate) role_ids: String,
    pub(crate) project_ids: String,
    pub(crate) default_group: bool,
    pub(crate) language: String,
    pub(crate) inviter_hidden: bool,
    pub(crate) without_mail: bool,
}

/// What all rows of one call have in common.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) tenant: TenantId,
    pub(crate) request_key: String,
    pub(crate) request_hash: [u8; 32],
    pub(crate) inviter_user_id: Option<UserId>,
    pub(crate) inviter_home_tenant_id: Option<TenantId>,
    pub(crate) inviter_name: String,
    pub(crate) inviter_email: String,
}

/// Makes two uses of one request id wait for each other until the transaction
/// ends.
pub(crate) async fn lock_request(
    db: &mut PgConnection,
    tenant: TenantId,
    key: &str,
) -> sqlx::Result<()> {
    let lock = format!("{tenant}/{key}");
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        lock
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What an earlier use of the request id left.
pub(crate) struct Earlier {
    /// Whether there are rows of it.
    pub(crate) any: bool,
    pub(crate) same_request: bool,
    /// Somebody is at work on it right now.
    pub(crate) busy: bool,
}

/// Whether there are rows of this request id, and of what kind.
pub(crate) async fn earlier(
    db: &mut PgConnection,
    tenant: TenantId,
    key: &str,
    hash: &[u8],
) -> sqlx::Result<Earlier> {
    sqlx::query_as!(
        Earlier,
        r#"SELECT count(*) > 0 AS "any!", coalesce(bool_and(request_hash = $3), true) AS "same_request!",
                coalesce(bool_or(state = 'preparing' AND lease_time > clock()), false) AS "busy!"
            FROM invitations WHERE tenant_id = $1 AND request_key = $2"#,
        tenant as _,
        key,
        hash,
    )
    .fetch_one(db)
    .await
}

/// Takes the unfinished rows of a request id over.
pub(crate) async fn take_over(
    db: &mut PgConnection,
    tenant: TenantId,
    key: &str,
    lease: Lease,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invitations SET lease_token = $3, lease_time = clock() + make_interval(secs => $4)
            WHERE tenant_id = $1 AND request_key = $2 AND state = 'preparing'",
        tenant as _,
        key,
        lease.0,
        LEASE_SECONDS,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The rows of a request id.
pub(crate) async fn of_request(
    db: &mut PgConnection,
    tenant: TenantId,
    key: &str,
) -> sqlx::Result<Vec<Row>> {
    select!(
        "WHERE tenant_id = $1 AND request_key = $2",
        tenant as _,
        key
    )
    .fetch_all(db)
    .await
}

/// Somebody whose invitation was taken back and who may be invited again.
pub(crate) struct Revoked {
    pub(crate) email_key: String,
    pub(crate) user_id: UserId,
    /// Whether the other services have heard of it: until then the old roles
    /// are still to be released.
    pub(crate) settled: bool,
}

/// Those of the addresses whose invitation was taken back.
pub(crate) async fn revoked(
    db: &mut PgConnection,
    tenant: TenantId,
    email_keys: &[String],
) -> sqlx::Result<Vec<Revoked>> {
    sqlx::query_as!(
        Revoked,
        r#"SELECT email_key, user_id AS "user_id: _", lease_time IS NULL AS "settled!" FROM invitations
            WHERE tenant_id = $1 AND revoked AND state = 'pending' AND email_key = ANY($2)"#,
        tenant as _,
        email_keys,
    )
    .fetch_all(db)
    .await
}

/// Adds rows in state preparing, in one statement. Those whose address has an
/// open invitation already are left out, and so is the second of two equal
/// addresses. In the order of addresses, so that two calls with the same ones
/// never wait for each other in a circle.
pub(crate) async fn insert(
    db: &mut PgConnection,
    common: &Common,
    lease: Lease,
    rows: &[New],
) -> sqlx::Result<()> {
    let texts =
        |of: fn(&New) -> &String| rows.iter().map(|row| of(row).clone()).collect::<Vec<_>>();
    let flags = |of: fn(&New) -> bool| rows.iter().map(of).collect::<Vec<_>>();
    sqlx::query!(
        "INSERT INTO invitations (tenant_id, id, user_id, email, email_key, first_name, last_name,
                role_ids, project_ids, default_group, language, inviter_hidden, without_mail,
                request_index, inviter_user_id, inviter_home_tenant_id, inviter_name, inviter_email,
                request_key, request_hash, state, lease_token, lease_time, expire_time)
            SELECT $1, id, user_id, email, email_key, first_name, last_name,
                string_to_array(role_ids, ',')::uuid[], string_to_array(project_ids, ',')::uuid[],
                default_group, language, inviter_hidden, without_mail, request_index,
                $14, $15, $16, $17, $18, $19, 'preparing', $20,
                clock() + make_interval(secs => $21), clock() + make_interval(days => $22)
            FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                    $8::text[], $9::text[], $10::boolean[], $11::text[], $12::boolean[],
                    $13::boolean[], $23::integer[])
                AS draft (id, user_id, email, email_key, first_name, last_name, role_ids, project_ids,
                    default_group, language, inviter_hidden, without_mail, request_index)
            ORDER BY email_key, request_index
            ON CONFLICT DO NOTHING",
        common.tenant as _,
        &rows.iter().map(|row| row.id.uuid()).collect::<Vec<_>>(),
        &rows.iter().map(|row| row.user_id.uuid()).collect::<Vec<_>>(),
        &texts(|row| &row.email),
        &texts(|row| &row.email_key),
        &texts(|row| &row.first_name),
        &texts(|row| &row.last_name),
        &texts(|row| &row.role_ids),
        &texts(|row| &row.project_ids),
        &flags(|row| row.default_group),
        &texts(|row| &row.language),
        &flags(|row| row.inviter_hidden),
        &flags(|row| row.without_mail),
        common.inviter_user_id as _,
        common.inviter_home_tenant_id as _,
        common.inviter_name,
        common.inviter_email,
        common.request_key,
        &common.request_hash[..],
        lease.0,
        LEASE_SECONDS,
        crate::LINK_DAYS,
        &rows.iter().map(|row| row.index).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes prepared rows pending, and each the owner of its mail. Answers how
/// many: fewer than asked where the lease was lost.
pub(crate) async fn conclude(
    db: &mut PgConnection,
    tenant: TenantId,
    lease: Lease,
    ids: &[InvitationId],
    mails: &[MailId],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE invitations i SET state = 'pending', lease_time = NULL, lease_token = NULL,
                mail_id = made.mail_id, expire_time = clock() + make_interval(days => $5)
            FROM unnest($3::uuid[], $4::uuid[]) AS made (id, mail_id)
            WHERE i.tenant_id = $1 AND i.id = made.id AND i.state = 'preparing' AND i.lease_token = $2",
        tenant as _,
        lease.0,
        &ids.iter().map(InvitationId::uuid).collect::<Vec<_>>(),
        &mails.iter().map(MailId::uuid).collect::<Vec<_>>(),
        crate::LINK_DAYS,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes prepared rows that were refused. Answers how many.
pub(crate) async fn remove(
    db: &mut PgConnection,
    tenant: TenantId,
    lease: Lease,
    ids: &[InvitationId],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM invitations
            WHERE tenant_id = $1 AND id = ANY($3) AND state = 'preparing' AND lease_token = $2",
        tenant as _,
        lease.0,
        ids as _,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes the rows of earlier invitations that were taken back, where the
/// same users are invited anew: their links are dead.
pub(crate) async fn forget_revoked(
    db: &mut PgConnection,
    tenant: TenantId,
    users: &[UserId],
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM invitations
            WHERE tenant_id = $1 AND user_id = ANY($2) AND revoked AND state = 'pending'",
        tenant as _,
        users as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A user for whom no invitation waits.
pub(crate) struct Orphan {
    pub(crate) user_id: UserId,
    /// Whether they may still finish an account, by an invitation that was
    /// taken back.
    pub(crate) revoked: bool,
}

/// Those of the users for whom no invitation waits.
pub(crate) async fn orphans(
    db: &mut PgConnection,
    tenant: TenantId,
    users: &[UserId],
) -> sqlx::Result<Vec<Orphan>> {
    sqlx::query_as!(
        Orphan,
        r#"SELECT given.id AS "user_id!: _", EXISTS (SELECT FROM invitations i
                WHERE i.tenant_id = $1 AND i.user_id = given.id) AS "revoked!"
            FROM unnest($2::uuid[]) AS given (id)
            WHERE NOT EXISTS (SELECT FROM invitations i
                WHERE i.tenant_id = $1 AND i.user_id = given.id AND NOT i.revoked)"#,
        tenant as _,
        &users.iter().map(UserId::uuid).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await
}
