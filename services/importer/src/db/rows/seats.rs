//! Which rows go over the seats.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

/// The rows for which no seat would be left: from a line on, all that would
/// become users with a licensed role.
#[derive(Clone, Debug)]
pub struct OverSeats {
    /// The first such line; one beyond any file where there is none.
    pub first_line: i32,
    /// How many rows there are.
    pub rows: i32,
    /// The licensed roles.
    pub licensed: Vec<Uuid>,
}

/// Goes through the rows that would become users with a licensed role, in the
/// order of the file: the first `free` get the seats that are left.
pub async fn over_seats(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    licensed: &[Uuid],
    free: i64,
) -> sqlx::Result<OverSeats> {
    let found = sqlx::query!(
        r#"SELECT min(line) AS first_line, count(*) AS "rows!" FROM (
             SELECT line FROM import_rows
             WHERE tenant_id = $1 AND import_id = $2 AND state IN ('GOOD', 'FLAGGED') AND NOT existing
               AND role_id = ANY($3)
             ORDER BY line OFFSET $4) over"#,
        tenant,
        import,
        licensed,
        free,
    )
    .fetch_one(db)
    .await?;
    Ok(OverSeats {
        first_line: found.first_line.unwrap_or(i32::MAX),
        rows: i32::try_from(found.rows).unwrap_or(i32::MAX),
        licensed: licensed.to_vec(),
    })
}

/// How many rows of each of these imports would become users with a licensed
/// role; imports without any are left out.
pub async fn licensed_users(
    db: &mut PgConnection,
    tenant: Uuid,
    imports: &[Uuid],
    licensed: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, i64>> {
    let counted = sqlx::query!(
        r#"SELECT import_id, count(*) AS "rows!" FROM import_rows
         WHERE tenant_id = $1 AND import_id = ANY($2) AND state IN ('GOOD', 'FLAGGED') AND NOT existing
           AND role_id = ANY($3)
         GROUP BY import_id"#,
        tenant,
        imports,
        licensed,
    );
    let counted = counted.fetch_all(db).await?;
    Ok(counted
        .into_iter()
        .map(|row| (row.import_id, row.rows))
        .collect())
}

impl OverSeats {
    /// No row at all, as after the review.
    pub fn none() -> OverSeats {
        OverSeats {
            first_line: i32::MAX,
            rows: 0,
            licensed: Vec::new(),
        }
    }

    /// Whether a row is one of them; as the filter of a page has it.
    pub fn includes(&self, row: &super::Row) -> bool {
        row.line >= self.first_line
            && matches!(row.state.as_str(), "GOOD" | "FLAGGED")
            && !row.existing
            && row
                .role_id
                .is_some_and(|role| self.licensed.contains(&role))
    }
}
