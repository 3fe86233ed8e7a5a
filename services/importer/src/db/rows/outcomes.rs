//! What a commit makes of rows.

use sqlx::PgConnection;
use uuid::Uuid;

/// What a commit needs of a row.
#[derive(Clone, Debug)]
pub struct Draft {
    pub line: i32,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub role_id: Option<Uuid>,
    pub default_group: bool,
}

/// The next good rows after a line. A commit changes none of their states, so
/// after the same line come the same rows, whoever asks.
pub async fn next_good(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    line: i32,
    limit: i64,
) -> sqlx::Result<Vec<Draft>> {
    sqlx::query_as!(
        Draft,
        "SELECT line, email, first_name, last_name, role_id, default_group FROM import_rows
         WHERE tenant_id = $1 AND import_id = $2 AND line > $3 AND state = 'GOOD' ORDER BY line LIMIT $4",
        tenant,
        import,
        line,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What became of a row.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub line: i32,
    /// CREATED, SKIPPED or FAILED.
    pub became: &'static str,
    pub user_id: Option<Uuid>,
    pub failure: String,
}

/// Writes down what became of rows.
pub async fn set_outcomes(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    outcomes: &[Outcome],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE import_rows r SET outcome = o.outcome, user_id = o.user_id, failure = o.failure
         FROM unnest($3::int[], $4::text[], $5::uuid[], $6::text[]) AS o (line, outcome, user_id, failure)
         WHERE r.tenant_id = $1 AND r.import_id = $2 AND r.line = o.line",
        tenant,
        import,
        &outcomes.iter().map(|outcome| outcome.line).collect::<Vec<_>>(),
        &outcomes.iter().map(|outcome| outcome.became).collect::<Vec<_>>() as _,
        &outcomes.iter().map(|outcome| outcome.user_id).collect::<Vec<_>>() as _,
        &outcomes.iter().map(|outcome| outcome.failure.as_str()).collect::<Vec<_>>() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}
