//! How many users there are, by cell; see the migration.

use contract::{Id, identity::Tenant};
use sqlx::PgConnection;

/// How many users are in these cells.
pub async fn sum(db: &mut PgConnection, tenant: Id<Tenant>, cells: &[i16]) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(sum(users), 0)::bigint AS "sum!" FROM (
               SELECT users FROM user_counts WHERE tenant_id = $1 AND cell = ANY($2)
               UNION ALL
               SELECT change FROM user_count_changes WHERE tenant_id = $1 AND cell = ANY($2)) counted"#,
        tenant.uuid(),
        cells,
    )
    .fetch_one(db)
    .await
}

/// Adds some of the changes to the counts, of all tenants: for a worker. How
/// many they were; those that another replica is adding are left to it.
pub async fn add_up(db: &mut PgConnection, most: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"WITH next AS (
             SELECT tenant_id, id FROM user_count_changes
             ORDER BY tenant_id, id LIMIT $1 FOR UPDATE SKIP LOCKED),
         gone AS (
             DELETE FROM user_count_changes c USING next
             WHERE c.tenant_id = next.tenant_id AND c.id = next.id
             RETURNING c.tenant_id, c.cell, c.change),
         added AS (
             INSERT INTO user_counts AS n (tenant_id, cell, users)
             SELECT tenant_id, cell, sum(change) FROM gone
             GROUP BY tenant_id, cell ORDER BY tenant_id, cell
             ON CONFLICT (tenant_id, cell) DO UPDATE SET users = n.users + excluded.users)
         SELECT count(*) AS "count!" FROM gone"#,
        most,
    )
    .fetch_one(db)
    .await
}
