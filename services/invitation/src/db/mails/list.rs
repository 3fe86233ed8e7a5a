//! Pages of mails.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Row;
use crate::db::{TenantId, nearest_first};

/// What a list is about.
pub(crate) struct Filter<'a> {
    pub(crate) tenant: TenantId,
    /// Only to this user.
    pub(crate) user: Option<Uuid>,
    /// The states by their names; empty for all.
    pub(crate) states: &'a [String],
}

/// Rows after (or before, nearest first) a mail, newest first; see `db`.
pub(crate) async fn page(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    after: Option<Uuid>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!: _", kind AS "kind!: _", user_id AS "user_id!: _", email AS "email!",
                language AS "language!", state AS "state!: _", attempts AS "attempts!",
                last_answer AS "last_answer!", create_time AS "create_time!", send_time
            FROM (
                (SELECT * FROM mails
                    WHERE tenant_id = $1 AND NOT $5 AND id < $4 AND ($2::uuid IS NULL OR user_id = $2)
                        AND (cardinality($3::text[]) = 0 OR state = ANY($3))
                    ORDER BY id DESC LIMIT $6)
                UNION ALL
                (SELECT * FROM mails
                    WHERE tenant_id = $1 AND $5 AND id > $4 AND ($2::uuid IS NULL OR user_id = $2)
                        AND (cardinality($3::text[]) = 0 OR state = ANY($3))
                    ORDER BY id LIMIT $6)
            ) AS page ORDER BY id DESC"#,
        filter.tenant as _,
        filter.user,
        filter.states,
        after.unwrap_or(Uuid::max()),
        backward,
        limit,
    )
    .fetch_all(db)
    .await
    .map(|rows| nearest_first(rows, backward))
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
