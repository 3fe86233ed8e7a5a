//! The audit trail.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A record.
pub struct Row {
    /// The id of the event.
    pub id: Uuid,
    /// When it happened.
    pub occur_time: DateTime<Utc>,
    /// The service where it happened.
    pub producer: String,
    /// The name of the event.
    pub action: String,
    /// Who did it.
    pub actor_user_id: Option<Uuid>,
    /// The service that did it, by itself or for the user.
    pub actor_service: String,
    /// The address of the client.
    pub actor_address: String,
    /// Where the actor lives.
    pub actor_home_tenant_id: Option<Uuid>,
    /// The actor's address at the time.
    pub actor_email: String,
    /// What it happened to.
    pub target_id: Option<Uuid>,
    /// The request.
    pub request_id: String,
    /// The full name of the event's message.
    pub event_type: String,
    /// The event.
    pub event: Vec<u8>,
}

/// What a list of records is narrowed to.
pub struct Filter {
    /// Only what this user did.
    pub actor: Option<Uuid>,
    /// Only what happened to this.
    pub target: Option<Uuid>,
    /// Only these actions.
    pub actions: Option<Vec<String>>,
    /// Only from this time on.
    pub start: Option<DateTime<Utc>>,
    /// Only before this time.
    pub end: Option<DateTime<Utc>>,
}

/// Keeps a record; one that is there already stays as it is.
pub async fn insert(db: &mut PgConnection, tenant: Id<Tenant>, row: &Row) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_records (tenant_id, id, occur_time, producer, action, actor_user_id,
             actor_service, actor_address, actor_home_tenant_id, actor_email, target_id, request_id,
             event_type, event)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (tenant_id, id) DO NOTHING",
        tenant.uuid(),
        row.id,
        row.occur_time,
        row.producer,
        row.action,
        row.actor_user_id,
        row.actor_service,
        row.actor_address,
        row.actor_home_tenant_id,
        row.actor_email,
        row.target_id,
        row.request_id,
        row.event_type,
        row.event,
    )
    .execute(db)
    .await?;
    Ok(())
}

macro_rules! records {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT id, occur_time, producer, action, actor_user_id, actor_service, actor_address,
                 actor_home_tenant_id, actor_email, target_id, request_id, event_type, event
             FROM audit_records
             WHERE tenant_id = $1 AND ($2::uuid IS NULL OR actor_user_id = $2)
               AND ($3::uuid IS NULL OR target_id = $3)
               AND ($4::text[] IS NULL OR action = ANY($4))
               AND ($5::timestamptz IS NULL OR occur_time >= $5)
               AND ($6::timestamptz IS NULL OR occur_time < $6) " + $tail
            $(, $argument)*
        )
    };
}

/// A page of records, oldest first, those after a place, or before it with the
/// nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    place: (DateTime<Utc>, Uuid),
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (time, id) = place;
    let actions = filter.actions.as_deref();
    if backward {
        records!(
            "AND (occur_time, id) < ($7, $8) ORDER BY occur_time DESC, id DESC LIMIT $9",
            tenant.uuid(),
            filter.actor,
            filter.target,
            actions,
            filter.start,
            filter.end,
            time,
            id,
            limit,
        )
        .fetch_all(db)
        .await
    } else {
        records!(
            "AND (occur_time, id) > ($7, $8) ORDER BY occur_time, id LIMIT $9",
            tenant.uuid(),
            filter.actor,
            filter.target,
            actions,
            filter.start,
            filter.end,
            time,
            id,
            limit,
        )
        .fetch_all(db)
        .await
    }
}

/// How many records fit a filter.
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM audit_records
           WHERE tenant_id = $1 AND ($2::uuid IS NULL OR actor_user_id = $2)
             AND ($3::uuid IS NULL OR target_id = $3)
             AND ($4::text[] IS NULL OR action = ANY($4))
             AND ($5::timestamptz IS NULL OR occur_time >= $5)
             AND ($6::timestamptz IS NULL OR occur_time < $6)"#,
        tenant.uuid(),
        filter.actor,
        filter.target,
        filter.actions.as_deref(),
        filter.start,
        filter.end,
    )
    .fetch_one(db)
    .await
}

/// Forgets the address of an actor who was deleted.
pub async fn forget_actor(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_records SET actor_email = '' WHERE tenant_id = $1 AND actor_user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}
