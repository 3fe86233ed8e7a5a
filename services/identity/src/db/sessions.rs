//! Sessions that hold.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Device, LoginFlow, Session, Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::sessions::Uses;

/// A session.
pub struct Row {
    /// The session.
    pub id: Id<Session>,
    /// The tenant of the user.
    pub tenant_id: Id<Tenant>,
    /// The user.
    pub user_id: Id<User>,
    /// How many factors were proven.
    pub assurance_level: i16,
    /// The address from which the user logged in; empty where unknown.
    pub address: String,
    /// The device from which the user logged in; absent where it was forgotten.
    pub device_id: Option<Id<Device>>,
    /// The name of that device.
    pub device_name: Option<String>,
    /// When the user logged in.
    pub create_time: DateTime<Utc>,
    /// When the session ends at the latest.
    pub expire_time: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_use_time: DateTime<Utc>,
    /// How many seconds it lasts without being used.
    pub idle_timeout: i64,
    /// The program with which the user logged in; empty where unknown.
    pub user_agent: String,
}

/// What a session is made of.
pub struct New<'a> {
    /// The session's id.
    pub id: Id<Session>,
    /// The tenant of the user.
    pub tenant: Id<Tenant>,
    /// The flow whose proofs the session rests on; it ends here.
    pub flow: Id<LoginFlow>,
    /// The proofs that the tenant's policy asks of this user.
    pub least_level: i16,
    /// The keyed hash of the token.
    pub token_hash: &'a [u8],
    /// The address of the client.
    pub address: &'a str,
    /// The device of the client.
    pub device: Id<Device>,
    /// How the client names itself.
    pub user_agent: &'a str,
    /// How many seconds the session lasts without being used.
    pub idle_timeout: i64,
    /// How long the session lasts at most.
    pub lifetime: Duration,
}

/// Turns a flow into a session, whose assurance level is the number of proofs
/// recorded in the flow. `None` where the flow is over or its proofs are too
/// few: there is no other INSERT into this table.
pub async fn from_flow(db: &mut PgConnection, new: New<'_>) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"WITH proven AS (
               SELECT count(*) AS level FROM login_proofs WHERE tenant_id = $1 AND flow_id = $2),
           flow AS (
               DELETE FROM login_flows WHERE tenant_id = $1 AND id = $2 AND expire_time > clock()
                   AND (SELECT level FROM proven) >= $4
               RETURNING user_id)
           INSERT INTO sessions (tenant_id, id, user_id, token_hash, assurance_level, address, expire_time,
               device_id, idle_timeout, user_agent)
           SELECT $1, $3, flow.user_id, $5, proven.level, $6, clock() + $7 * interval '1 second',
               $8, $9, $10
           FROM flow, proven
           RETURNING id AS "id: Id<Session>", tenant_id AS "tenant_id: Id<Tenant>",
               user_id AS "user_id: Id<User>", assurance_level, address, create_time, expire_time,
               last_use_time, idle_timeout, user_agent, device_id AS "device_id: Id<Device>",
               (SELECT d.name FROM devices d WHERE d.tenant_id = $1 AND d.id = $8) AS device_name"#,
        new.tenant.uuid(),
        new.flow.uuid(),
        new.id.uuid(),
        i64::from(new.least_level),
        new.token_hash,
        new.address,
        new.lifetime.as_secs_f64(),
        new.device.uuid(),
        new.idle_timeout,
        new.user_agent,
    )
    .fetch_optional(db)
    .await
}

/// Finds the session of a token that holds, in any tenant: for a worker.
pub async fn by_token(db: &mut PgConnection, token_hash: &[u8]) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT s.id AS "id: Id<Session>", s.tenant_id AS "tenant_id: Id<Tenant>",
               s.user_id AS "user_id: Id<User>", s.assurance_level, s.address, s.create_time,
               s.expire_time, s.last_use_time, s.idle_timeout, s.user_agent,
               d.id AS "device_id?: Id<Device>", d.name AS "device_name?"
           FROM sessions s
           LEFT JOIN devices d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
           JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
           WHERE s.token_hash = $1 AND s.expire_time > clock()
             AND s.last_use_time + s.idle_timeout * interval '1 second' > clock() AND u.status = 'ACTIVE'"#,
        token_hash,
    )
    .fetch_optional(db)
    .await
}

/// Locks a session that holds.
pub async fn lock(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    session: Id<Session>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: Id<Session>", tenant_id AS "tenant_id: Id<Tenant>",
               user_id AS "user_id: Id<User>", assurance_level, address, create_time, expire_time,
               last_use_time, idle_timeout, user_agent, device_id AS "device_id: Id<Device>",
               (SELECT d.name FROM devices d WHERE d.tenant_id = $1 AND d.id = sessions.device_id)
                   AS device_name
           FROM sessions
           WHERE tenant_id = $1 AND id = $2 AND expire_time > clock()
             AND last_use_time + idle_timeout * interval '1 second' > clock()
           FOR UPDATE"#,
        tenant.uuid(),
        session.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// The sessions of a user that hold, newest first, those before a place, or
/// after it with the nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    place: Option<(DateTime<Utc>, Uuid)>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (time, id) = place.unzip();
    sqlx::query_as!(
        Row,
        r#"SELECT s.id AS "id: Id<Session>", s.tenant_id AS "tenant_id: Id<Tenant>",
               s.user_id AS "user_id: Id<User>", s.assurance_level, s.address, s.create_time,
               s.expire_time, s.last_use_time, s.idle_timeout, s.user_agent,
               d.id AS "device_id?: Id<Device>", d.name AS "device_name?"
           FROM sessions s
           LEFT JOIN devices d ON d.tenant_id = s.tenant_id AND d.id = s.device_id
           WHERE s.tenant_id = $1 AND s.user_id = $2 AND s.expire_time > clock()
             AND s.last_use_time + s.idle_timeout * interval '1 second' > clock()
             AND ($3::timestamptz IS NULL
                  OR CASE WHEN $5 THEN (s.create_time, s.id) > ($3, $4)
                          ELSE (s.create_time, s.id) < ($3, $4) END)
           ORDER BY CASE WHEN $5 THEN s.create_time END, CASE WHEN $5 THEN s.id END,
                    s.create_time DESC, s.id DESC
           LIMIT $6"#,
        tenant.uuid(),
        user.uuid(),
        time,
        id,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many sessions of a user hold.
pub async fn count(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM sessions
           WHERE tenant_id = $1 AND user_id = $2 AND expire_time > clock()
             AND last_use_time + idle_timeout * interval '1 second' > clock()"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Whether a session of a user holds.
pub async fn holds(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    session: Id<Session>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sessions
               WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND expire_time > clock()
                 AND last_use_time + idle_timeout * interval '1 second' > clock()) AS "holds!""#,
        tenant.uuid(),
        user.uuid(),
        session.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Ends a session of a user. `false` where there is none.
pub async fn end(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    session: Id<Session>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND id = $3",
        tenant.uuid(),
        user.uuid(),
        session.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the sessions of a user that were begun from a device, or from any that
/// they were known by.
pub async fn end_from(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    device: Option<Id<Device>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND device_id IS NOT NULL
             AND ($3::uuid IS NULL OR device_id = $3)",
        tenant.uuid(),
        user.uuid(),
        device.map(|id| id.uuid()),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends all sessions of a user, or all but one; answers how many.
pub async fn end_all(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    but: Option<Id<Session>>,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND id IS DISTINCT FROM $3",
        tenant.uuid(),
        user.uuid(),
        but.map(|but| but.uuid()),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Ends the sessions, but one, of users who must have a second factor, in which
/// none was proven; answers which they were, and whose.
pub async fn end_unproven(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    but: Option<Id<Session>>,
) -> sqlx::Result<Vec<(Id<Session>, Id<User>)>> {
    let ended = sqlx::query!(
        r#"DELETE FROM sessions s USING second_factors f
           WHERE s.tenant_id = $1 AND f.tenant_id = $1 AND f.user_id = s.user_id AND f.required
             AND s.assurance_level = 1 AND s.id IS DISTINCT FROM $2
           RETURNING s.id AS "id: Id<Session>", s.user_id AS "user_id: Id<User>""#,
        tenant.uuid(),
        but.map(|but| but.uuid()),
    )
    .fetch_all(db)
    .await?;
    Ok(ended.into_iter().map(|row| (row.id, row.user_id)).collect())
}

/// The same of a user who must have a second factor because of one of these roles.
pub async fn end_unproven_of(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    roles: &[Uuid],
) -> sqlx::Result<Vec<Id<Session>>> {
    sqlx::query_scalar!(
        r#"DELETE FROM sessions s USING tenants t
           WHERE s.tenant_id = $1 AND s.user_id = $2 AND s.assurance_level = 1
             AND t.tenant_id = $1 AND t.mfa_policy = 'OPTIONAL'
             AND t.factor_required_role_ids && $3
           RETURNING s.id AS "id: Id<Session>""#,
        tenant.uuid(),
        user.uuid(),
        roles,
    )
    .fetch_all(db)
    .await
}

/// Writes when sessions were last used, of all tenants: for a worker. Sessions
/// that have ended meanwhile stay ended, and those that somebody works on are
/// left for the next time: two replicas never wait for each other.
pub async fn touch(db: &mut PgConnection, uses: &Uses) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sessions s SET last_use_time = greatest(s.last_use_time, free.time)
         FROM (SELECT l.tenant_id, l.id, t.time
               FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t (tenant_id, id, time)
               JOIN sessions l ON l.tenant_id = t.tenant_id AND l.id = t.id
               FOR UPDATE OF l SKIP LOCKED) AS free
         WHERE s.tenant_id = free.tenant_id AND s.id = free.id",
        &uses.tenants,
        &uses.ids,
        &uses.times,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes sessions that are over, of all tenants: for a worker. Those that
/// were not used for long stay until their time is over; they do not hold.
pub async fn reap(db: &mut PgConnection, at_most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE (tenant_id, id) IN (
             SELECT tenant_id, id FROM sessions WHERE expire_time < clock()
             LIMIT $1 FOR UPDATE SKIP LOCKED)",
        at_most,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
