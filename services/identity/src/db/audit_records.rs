//! The audit trail.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

/// Where counting what fits a filter stops.
const COUNTED: i64 = 100_000;

/// A record.
#[derive(Clone, sqlx::FromRow)]
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
    /// The place in the trail.
    pub sequence: i64,
    /// The hash of the record.
    pub hash: Vec<u8>,
    /// The commitment to `actor_email`; empty where it was empty.
    pub actor_email_commitment: Vec<u8>,
    /// Its salt, until it is erased.
    pub actor_email_salt: Option<Vec<u8>>,
    /// The commitment to `changes`; empty where there were none.
    pub changes_commitment: Vec<u8>,
    /// Its salt, until it is erased.
    pub changes_salt: Option<Vec<u8>>,
    /// What the event changed about a person, encoded, until it is erased.
    pub changes: Option<Vec<u8>>,
}

/// What is wanted of the trail.
#[derive(Clone, Default, PartialEq)]
pub struct Filter {
    /// Only what this user did.
    pub actor: Option<Uuid>,
    /// Only what happened to this.
    pub target: Option<Uuid>,
    /// Only these actions; any where there is none.
    pub actions: Vec<String>,
    /// Only from this time on.
    pub start: Option<DateTime<Utc>>,
    /// Only before this time.
    pub end: Option<DateTime<Utc>>,
    /// Only from this address.
    pub address: Option<String>,
    /// Only of this request.
    pub request: Option<String>,
}

/// Adds a record. `false` where it is there already, and stays as it is.
pub async fn insert(db: &mut PgConnection, tenant: Id<Tenant>, row: &Row) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO audit_records (tenant_id, id, occur_time, producer, action, actor_user_id,
             actor_service, actor_address, actor_home_tenant_id, actor_email, target_id, request_id,
             event_type, event, sequence, hash, actor_email_commitment, actor_email_salt,
             changes_commitment)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
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
        row.sequence,
        row.hash,
        row.actor_email_commitment,
        row.actor_email_salt,
        row.changes_commitment,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A page of records, oldest first, those after a place, or before it with the
/// nearest first.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    (time, id): (DateTime<Utc>, Uuid),
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let mut query = records();
    narrow(&mut query, tenant, filter);
    let (compare, order) = if backward {
        (
            " AND (r.occur_time, r.id) < (",
            "r.occur_time DESC, r.id DESC",
        )
    } else {
        (" AND (r.occur_time, r.id) > (", "r.occur_time, r.id")
    };
    query.push(compare).push_bind(time).push(", ").push_bind(id);
    query.push(") ORDER BY ").push(order);
    query.push(" LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

/// The next records after a place in the trail, up to another.
pub async fn between(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    after: i64,
    to: i64,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let mut query = records();
    narrow(&mut query, tenant, filter);
    query.push(" AND r.sequence > ").push_bind(after);
    query.push(" AND r.sequence <= ").push_bind(to);
    query.push(" ORDER BY r.sequence LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(db).await
}

/// How many records fit a filter, up to [`COUNTED`].
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
) -> sqlx::Result<i64> {
    let mut query = QueryBuilder::new("SELECT count(*) FROM (SELECT FROM audit_records r");
    narrow(&mut query, tenant, filter);
    query.push(" LIMIT ").push_bind(COUNTED).push(") fitting");
    query.build_query_scalar().fetch_one(db).await
}

fn records() -> QueryBuilder<Postgres> {
    QueryBuilder::new(
        "SELECT r.id, r.occur_time, r.producer, r.action, r.actor_user_id, r.actor_service,
             r.actor_address, r.actor_home_tenant_id, r.actor_email, r.target_id, r.request_id,
             r.event_type, r.event, r.sequence, r.hash, r.actor_email_commitment,
             r.actor_email_salt, r.changes_commitment, c.salt AS changes_salt, c.changes
         FROM audit_records r
         LEFT JOIN audit_changes c ON c.tenant_id = r.tenant_id AND c.event_id = r.id",
    )
}

/// Only the conditions that there are: one that may be absent would keep
/// Postgres from the index of each.
fn narrow(query: &mut QueryBuilder<Postgres>, tenant: Id<Tenant>, filter: &Filter) {
    let filter = filter.clone();
    query.push(" WHERE r.tenant_id = ").push_bind(tenant.uuid());
    if let Some(actor) = filter.actor {
        query.push(" AND r.actor_user_id = ").push_bind(actor);
    }
    if let Some(target) = filter.target {
        query.push(" AND r.target_id = ").push_bind(target);
    }
    if !filter.actions.is_empty() {
        query.push(" AND r.action = ANY(").push_bind(filter.actions);
        query.push(")");
    }
    if let Some(start) = filter.start {
        query.push(" AND r.occur_time >= ").push_bind(start);
    }
    if let Some(end) = filter.end {
        query.push(" AND r.occur_time < ").push_bind(end);
    }
    // Said of the values too, for the indexes that leave the empty ones out.
    if let Some(address) = filter.address {
        query.push(" AND r.actor_address <> '' AND r.actor_address = ");
        query.push_bind(address);
    }
    if let Some(request) = filter.request {
        query.push(" AND r.request_id <> '' AND r.request_id = ");
        query.push_bind(request);
    }
}

/// Forgets the address of an actor who was deleted.
pub async fn forget_actor(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_records SET actor_email = '', actor_email_salt = NULL
         WHERE tenant_id = $1 AND actor_user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}
