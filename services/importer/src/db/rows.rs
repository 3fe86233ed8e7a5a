//! The table `import_rows`.

use std::collections::HashMap;

use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::reading::{self, Problem, Verdict};

mod erasure;
mod outcomes;
mod pages;
mod seats;

pub use erasure::{empty_given_up, erase_user, forget_replies};
pub use outcomes::{Draft, Outcome, next_good, set_outcomes};
pub use pages::{Filter, after, count, page};
pub use seats::{OverSeats, licensed_users, over_seats};

/// A row as it is stored.
#[derive(Clone, Debug)]
pub struct Row {
    pub line: i32,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub role: String,
    pub role_id: Option<Uuid>,
    pub default_group: bool,
    pub verdict: String,
    pub state: String,
    /// The first line with the address of a duplicate.
    pub duplicate_of: Option<i32>,
    pub problems: Option<Json<Vec<Problem>>>,
    pub existing: bool,
    pub outcome: Option<String>,
    pub user_id: Option<Uuid>,
    pub failure: String,
}

/// What a row is among the others that were read before it.
pub fn state(row: &reading::Row) -> &'static str {
    match row.duplicate_of {
        None => verdict(row.judged.verdict),
        Some(_) => "DUPLICATE",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "GOOD",
        Verdict::Flagged => "FLAGGED",
        Verdict::Wrong => "WRONG",
        Verdict::Blank => "BLANK",
    }
}

fn problems(list: &[Problem]) -> Option<Json<&[Problem]>> {
    (!list.is_empty()).then_some(Json(list))
}

/// Adds rows as they were read. `existing` holds the lines of those whose address
/// belongs to a user, and to whom.
///
/// An INSERT of arrays, because Postgres refuses COPY into a table under row
/// level security.
pub async fn insert(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    rows: &[reading::Row],
    existing: &HashMap<u32, Uuid>,
) -> sqlx::Result<()> {
    let text = |of: fn(&reading::Fields) -> &String| -> Vec<&str> {
        rows.iter()
            .map(|row| of(&row.judged.fields).as_str())
            .collect()
    };
    let verdicts: Vec<&str> = rows.iter().map(|row| verdict(row.judged.verdict)).collect();
    sqlx::query!(
        "INSERT INTO import_rows (tenant_id, import_id, line, email, first_name, last_name, role, role_id, unknown_role,
                                  default_group, verdict, state, problems, existing, user_id)
         SELECT $1, $2, line, email, first_name, last_name, role, role_id, unknown_role, default_group, verdict, state,
                problems, user_id IS NOT NULL, user_id
         FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[], $10::bool[],
                     $11::text[], $12::text[], $13::jsonb[], $14::uuid[])
              AS r (line, email, first_name, last_name, role, role_id, unknown_role, default_group, verdict, state,
                    problems, user_id)",
        tenant,
        import,
        &rows.iter().map(|row| row.line.cast_signed()).collect::<Vec<_>>(),
        &text(|fields| &fields.email) as _,
        &text(|fields| &fields.first_name) as _,
        &text(|fields| &fields.last_name) as _,
        &text(|fields| &fields.role) as _,
        &rows.iter().map(|row| row.judged.role_id).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| row.judged.unknown_role.as_deref()).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| row.judged.default_group).collect::<Vec<_>>(),
        &verdicts as _,
        &rows.iter().map(state).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| problems(&row.judged.problems)).collect::<Vec<_>>() as _,
        &rows.iter().map(|row| existing.get(&row.line).copied()).collect::<Vec<_>>() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The rows of these lines, in the order of the file.
pub async fn find_all(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    lines: &[i32],
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT line, email, first_name, last_name, role, role_id, default_group, verdict, state,
                CASE state WHEN 'DUPLICATE' THEN (
                    SELECT min(first.line) FROM import_rows first
                    WHERE first.tenant_id = $1 AND first.import_id = $2 AND first.address = r.address
                      AND first.verdict IN ('GOOD', 'FLAGGED')) END AS duplicate_of,
                problems AS "problems: Json<Vec<Problem>>", existing, outcome, user_id, failure
         FROM import_rows r WHERE tenant_id = $1 AND import_id = $2 AND line = ANY($3) ORDER BY line"#,
        tenant,
        import,
        lines,
    )
    .fetch_all(db)
    .await
}

/// One row.
pub async fn find(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    line: i32,
) -> sqlx::Result<Option<Row>> {
    Ok(find_all(db, tenant, import, &[line]).await?.pop())
}

/// Stores a row as it was judged anew, or as dropped, and answers what it is now:
/// a duplicate where an earlier row that could be committed has its address.
pub async fn update(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    line: i32,
    judged: &reading::Judged,
    existing: Option<Uuid>,
    dropped: bool,
) -> sqlx::Result<String> {
    let verdict = if dropped {
        "DROPPED"
    } else {
        verdict(judged.verdict)
    };
    sqlx::query_scalar!(
        r#"UPDATE import_rows SET email = $4, first_name = $5, last_name = $6, role = $7, role_id = $8,
                unknown_role = $9, default_group = $10, verdict = $11, problems = $12,
                existing = $13::uuid IS NOT NULL, user_id = $13,
                state = CASE WHEN $11 IN ('GOOD', 'FLAGGED') AND EXISTS (
                    SELECT FROM import_rows first
                    WHERE first.tenant_id = $1 AND first.import_id = $2 AND first.line < $3
                      AND first.address = lower($4 COLLATE "C") AND first.verdict IN ('GOOD', 'FLAGGED'))
                    THEN 'DUPLICATE' ELSE $11 END
         WHERE tenant_id = $1 AND import_id = $2 AND line = $3 RETURNING state"#,
        tenant,
        import,
        line,
        judged.fields.email,
        judged.fields.first_name,
        judged.fields.last_name,
        judged.fields.role,
        judged.role_id,
        judged.unknown_role,
        judged.default_group,
        verdict,
        problems(&judged.problems) as _,
        existing,
    )
    .fetch_one(db)
    .await
}

/// A row that is something else than before.
pub struct Ranked {
    pub before: String,
    pub after: String,
    pub existing: bool,
}

/// Finds anew which row of an address is the one to commit: of those that could
/// be, the first. All others are duplicates, so where one row changed, only the
/// first two can be something else than before.
pub async fn rank(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    address: &str,
) -> sqlx::Result<Vec<Ranked>> {
    sqlx::query_as!(
        Ranked,
        r#"UPDATE import_rows r SET state = ranked.after
         FROM (SELECT line, state AS before,
                      CASE row_number() OVER (ORDER BY line) WHEN 1 THEN verdict ELSE 'DUPLICATE' END AS after
               FROM import_rows
               WHERE tenant_id = $1 AND import_id = $2 AND address = lower($3 COLLATE "C")
                 AND verdict IN ('GOOD', 'FLAGGED')
               ORDER BY line LIMIT 2) ranked
         WHERE r.tenant_id = $1 AND r.import_id = $2 AND r.line = ranked.line AND ranked.before <> ranked.after
         RETURNING ranked.before AS "before!", ranked.after AS "after!", r.existing"#,
        tenant,
        import,
        address,
    )
    .fetch_all(db)
    .await
}

/// What a mapping changed.
pub struct Mapped {
    /// Rows that name the role.
    pub rows: i64,
    /// Those of them that were flagged and are good now.
    pub good: i64,
}

/// Gives all rows that name an unknown role a role.
pub async fn map_role(
    db: &mut PgConnection,
    tenant: Uuid,
    import: Uuid,
    name: &str,
    role: Uuid,
) -> sqlx::Result<Mapped> {
    sqlx::query_as!(
        Mapped,
        r#"WITH before AS (
             SELECT line, state FROM import_rows WHERE tenant_id = $1 AND import_id = $2 AND unknown_role = $3),
         mapped AS (
             UPDATE import_rows r SET role_id = $4,
                    verdict = CASE verdict WHEN 'FLAGGED' THEN 'GOOD' ELSE verdict END,
                    state = CASE r.state WHEN 'FLAGGED' THEN 'GOOD' ELSE r.state END
             FROM before
             WHERE r.tenant_id = $1 AND r.import_id = $2 AND r.line = before.line)
         SELECT count(*) AS "rows!", count(*) FILTER (WHERE state = 'FLAGGED') AS "good!" FROM before"#,
        tenant,
        import,
        name,
        role,
    )
    .fetch_one(db)
    .await
}

/// An unknown role and how many flagged rows name it.
pub struct UnknownRole {
    pub import_id: Uuid,
    pub name: String,
    pub rows: i64,
}

/// The roles that wait for a mapping, the most frequent first; of a file that
/// names thousands, some.
pub async fn unknown_roles(
    db: &mut PgConnection,
    tenant: Uuid,
    imports: &[Uuid],
) -> sqlx::Result<Vec<UnknownRole>> {
    sqlx::query_as!(
        UnknownRole,
        r#"SELECT import_id, unknown_role AS "name!", count(*) AS "rows!" FROM import_rows
         WHERE tenant_id = $1 AND import_id = ANY($2) AND state = 'FLAGGED' AND unknown_role IS NOT NULL
         GROUP BY import_id, unknown_role ORDER BY 3 DESC, 2 LIMIT 500"#,
        tenant,
        imports,
    )
    .fetch_all(db)
    .await
}
