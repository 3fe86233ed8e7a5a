//! The users of actions on many, and what became of each.

use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{BulkOperation, Tenant, User},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// A user of an operation.
pub struct Row {
    /// Whose turn it is when, from 1 on.
    pub place: i32,
    /// The user.
    pub user_id: Id<User>,
    /// DONE, SKIPPED or REFUSED; nothing while it has not been their turn.
    pub outcome: Option<String>,
    /// Why they were passed over or refused.
    pub reason: String,
    /// The package of the reason.
    pub reason_domain: String,
    /// When that was.
    pub end_time: Option<DateTime<Utc>>,
}

/// Freezes the users of an operation, in the order of their turns.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    operation: Id<BulkOperation>,
    users: &[Uuid],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO bulk_results (tenant_id, operation_id, place, user_id)
         SELECT $1, $2, place, id FROM unnest($3::uuid[]) WITH ORDINALITY AS u (id, place)",
        tenant.uuid(),
        operation.uuid(),
        users,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The user at a place; `None` where it is the end.
pub async fn user_at(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    operation: Id<BulkOperation>,
    place: i32,
) -> sqlx::Result<Option<Id<User>>> {
    sqlx::query_scalar!(
        r#"SELECT user_id AS "user_id: Id<User>" FROM bulk_results
           WHERE tenant_id = $1 AND operation_id = $2 AND place = $3"#,
        tenant.uuid(),
        operation.uuid(),
        place,
    )
    .fetch_optional(db)
    .await
}

/// What became of a user.
pub struct Outcome<'a> {
    /// DONE, SKIPPED or REFUSED.
    pub became: &'static str,
    /// Why.
    pub reason: &'a str,
    /// The package of the reason.
    pub reason_domain: &'a str,
}

/// Writes down what became of the user at a place.
pub async fn set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    operation: Id<BulkOperation>,
    place: i32,
    outcome: &Outcome<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE bulk_results SET outcome = $4, reason = $5, reason_domain = $6, end_time = clock()
         WHERE tenant_id = $1 AND operation_id = $2 AND place = $3",
        tenant.uuid(),
        operation.uuid(),
        place,
        outcome.became,
        outcome.reason,
        outcome.reason_domain,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A page of results in the order of turns: those after a place, or before it
/// with the nearest first. No outcome means any.
pub async fn list(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    operation: Id<BulkOperation>,
    outcomes: &[String],
    place: i32,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    if backward {
        sqlx::query_as!(
            Row,
            r#"SELECT place, user_id AS "user_id: Id<User>", outcome, reason, reason_domain, end_time
               FROM bulk_results
               WHERE tenant_id = $1 AND operation_id = $2 AND place < $3
                 AND (cardinality($4::text[]) = 0 OR outcome = ANY($4))
               ORDER BY place DESC LIMIT $5"#,
            tenant.uuid(),
            operation.uuid(),
            place,
            outcomes,
            limit,
        )
        .fetch_all(db)
        .await
    } else {
        sqlx::query_as!(
            Row,
            r#"SELECT place, user_id AS "user_id: Id<User>", outcome, reason, reason_domain, end_time
               FROM bulk_results
               WHERE tenant_id = $1 AND operation_id = $2 AND place > $3
                 AND (cardinality($4::text[]) = 0 OR outcome = ANY($4))
               ORDER BY place LIMIT $5"#,
            tenant.uuid(),
            operation.uuid(),
            place,
            outcomes,
            limit,
        )
        .fetch_all(db)
        .await
    }
}
