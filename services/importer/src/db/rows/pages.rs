//! Pages of rows, by their lines.

use sqlx::PgConnection;
use uuid::Uuid;

use super::OverSeats;

/// Which rows are wanted.
#[derive(Debug, Default)]
pub struct Filter {
    /// Their states; empty for all.
    pub states: Vec<String>,
    /// Only those over the seats.
    pub over_seats: Option<OverSeats>,
}

impl Filter {
    fn first_over(&self) -> Option<i32> {
        self.over_seats.as_ref().map(|over| over.first_line)
    }

    fn licensed(&self) -> &[Uuid] {
        self.over_seats.as_ref().map_or(&[], |over| &over.licensed)
    }
}

/// The lines after (or before, nearest first) one, in the order of the file.
pub async fn page(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    filter: &Filter,
    line: Option<i32>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<i32>> {
    match line {
        Some(line) if backward => before(db, tenant, import, filter, line, limit).await,
        line => after(db, tenant, import, filter, line.unwrap_or(0), limit).await,
    }
}

/// The next lines after one, in the order of the file.
pub async fn after(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    filter: &Filter,
    line: i32,
    limit: i64,
) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(
        "SELECT line FROM import_rows
         WHERE tenant_id = $1 AND import_id = $2 AND line > $3
           AND (cardinality($4::text[]) = 0 OR state = ANY($4))
           AND ($5::int IS NULL OR (line >= $5 AND state IN ('GOOD', 'FLAGGED') AND NOT existing AND role_id = ANY($6)))
         ORDER BY line LIMIT $7",
        tenant,
        import,
        line,
        &filter.states,
        filter.first_over(),
        filter.licensed(),
        limit,
    )
    .fetch_all(db)
    .await
}

/// The lines before one, the nearest first.
async fn before(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    filter: &Filter,
    line: i32,
    limit: i64,
) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(
        "SELECT line FROM import_rows
         WHERE tenant_id = $1 AND import_id = $2 AND line < $3
           AND (cardinality($4::text[]) = 0 OR state = ANY($4))
           AND ($5::int IS NULL OR (line >= $5 AND state IN ('GOOD', 'FLAGGED') AND NOT existing AND role_id = ANY($6)))
         ORDER BY line DESC LIMIT $7",
        tenant,
        import,
        line,
        &filter.states,
        filter.first_over(),
        filter.licensed(),
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many rows fit a filter.
pub async fn count(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    filter: &Filter,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM import_rows
         WHERE tenant_id = $1 AND import_id = $2
           AND (cardinality($3::text[]) = 0 OR state = ANY($3))
           AND ($4::int IS NULL OR (line >= $4 AND state IN ('GOOD', 'FLAGGED') AND NOT existing AND role_id = ANY($5)))"#,
        tenant,
        import,
        &filter.states,
        filter.first_over(),
        filter.licensed(),
    )
    .fetch_one(db)
    .await
}
