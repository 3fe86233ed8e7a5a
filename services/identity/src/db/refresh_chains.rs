//! Chains of refresh tokens.

use contract::{
    Id,
    identity::{Device, Session, Tenant, Tokens, User},
};
use sqlx::PgConnection;

use super::sessions::Row;

/// Begins a chain of a session, which is locked. Of those that it has, it keeps
/// the newest so that there are no more than `most`.
pub async fn begin(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Tokens>,
    session: Id<Session>,
    most: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM refresh_chains WHERE tenant_id = $1 AND id IN (
             SELECT id FROM refresh_chains WHERE tenant_id = $1 AND session_id = $2
             ORDER BY create_time DESC, id DESC OFFSET $3)",
        tenant.uuid(),
        session.uuid(),
        most - 1,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO refresh_chains (tenant_id, id, session_id) VALUES ($1, $2, $3)",
        tenant.uuid(),
        id.uuid(),
        session.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Uses, and so locks, the session of a chain. `None` where it does not hold.
pub async fn use_session(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Tokens>,
) -> sqlx::Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"UPDATE sessions s SET last_use_time = clock()
           FROM refresh_chains c, users u
           WHERE c.tenant_id = $1 AND c.id = $2
             AND s.tenant_id = $1 AND s.id = c.session_id
             AND s.expire_time > clock() AND s.last_use_time + s.idle_timeout * interval '1 second' > clock()
             AND u.tenant_id = $1 AND u.id = s.user_id AND u.status = 'ACTIVE'
           RETURNING s.id AS "id: Id<Session>", s.tenant_id AS "tenant_id: Id<Tenant>",
               s.user_id AS "user_id: Id<User>", s.assurance_level, s.address, s.create_time,
               s.expire_time, s.last_use_time, s.idle_timeout, s.user_agent,
               s.device_id AS "device_id: Id<Device>",
               (SELECT d.name FROM devices d WHERE d.tenant_id = $1 AND d.id = s.device_id)
                   AS device_name"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Makes the next token in the place of the newest, for the newest itself or
/// for its parent; answers its number. `None` for any other.
pub async fn advance(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<Tokens>,
    number: i64,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "UPDATE refresh_chains SET parent = $3, newest = newest + 1
         WHERE tenant_id = $1 AND id = $2 AND $3 IN (newest, parent)
         RETURNING newest",
        tenant.uuid(),
        id.uuid(),
        number,
    )
    .fetch_optional(db)
    .await
}
