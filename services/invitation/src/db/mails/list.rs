//! Pages of mails.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Row;
use crate::db::TenantId;

/// What a list is about.
pub(crate) struct Filter<'a> {
    pub(crate) tenant: TenantId,
    /// Only to this user.
    pub(crate) user: Option<Uuid>,
    /// The states by their names; empty for all.
    pub(crate) states: &'a [String],
}

/// Rows after (or before, nearest first) a mail, newest first.
pub(crate) async fn page(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    after: Option<Uuid>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: _", kind AS "kind: _", user_id AS "user_id: _", email, language,
                state AS "state: _", attempts, last_answer, create_time, send_time
            FROM mails
            WHERE tenant_id = $1 AND ($2::uuid IS NULL OR user_id = $2)
                AND (cardinality($3::text[]) = 0 OR state = ANY($3))
                AND ($4::uuid IS NULL OR NOT $5 AND id < $4 OR $5 AND id > $4)
            ORDER BY CASE WHEN $5 THEN id END, CASE WHEN NOT $5 THEN id END DESC
            LIMIT $6"#,
        filter.tenant as _,
        filter.user,
        filter.states,
        after,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many rows there are in all pages.
pub(crate) async fn count(db: &mut PgConnection, filter: &Filter<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM mails
            WHERE tenant_id = $1 AND ($2::uuid IS NULL OR user_id = $2)
                AND (cardinality($3::text[]) = 0 OR state = ANY($3))"#,
        filter.tenant as _,
        filter.user,
        filter.states,
    )
    .fetch_one(db)
    .await
}
