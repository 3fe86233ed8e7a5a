//! Pages of invitations.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Row, select};
use crate::db::TenantId;

/// What a list is about. Ranks are the values of `InvitationState`: lists are
/// sorted by them, then by id from the newest on.
pub(crate) struct Filter<'a> {
    pub(crate) tenant: TenantId,
    /// The states by rank.
    pub(crate) ranks: &'a [i32],
    /// The inviter's address in lower case; empty for any.
    pub(crate) inviter_email: &'a str,
}

/// Rows after (or before, nearest first) a place in the list.
pub(crate) async fn page(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    after: Option<(i32, Uuid)>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (rank, id) = after.unzip();
    select!(
        "CROSS JOIN LATERAL (SELECT CASE
                WHEN state = 'accepted' THEN 4 WHEN state = 'declined' THEN 2
                WHEN state = 'pending' AND expire_time <= clock() THEN 3 ELSE 1 END) AS place (rank)
            WHERE tenant_id = $1 AND NOT revoked AND state <> 'preparing' AND rank = ANY($2)
                AND ($3 = '' OR lower(inviter_email) = $3)
                AND ($4::integer IS NULL OR NOT $6 AND (rank > $4 OR rank = $4 AND id < $5)
                    OR $6 AND (rank < $4 OR rank = $4 AND id > $5))
            ORDER BY CASE WHEN $6 THEN -rank ELSE rank END,
                CASE WHEN $6 THEN id END, CASE WHEN NOT $6 THEN id END DESC
            LIMIT $7",
        filter.tenant as _,
        filter.ranks,
        filter.inviter_email,
        rank,
        id,
        backward,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many rows there are in all pages.
pub(crate) async fn count(db: &mut PgConnection, filter: &Filter<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM invitations
            CROSS JOIN LATERAL (SELECT CASE
                WHEN state = 'accepted' THEN 4 WHEN state = 'declined' THEN 2
                WHEN state = 'pending' AND expire_time <= clock() THEN 3 ELSE 1 END) AS place (rank)
            WHERE tenant_id = $1 AND NOT revoked AND state <> 'preparing' AND rank = ANY($2)
                AND ($3 = '' OR lower(inviter_email) = $3)"#,
        filter.tenant as _,
        filter.ranks,
        filter.inviter_email,
    )
    .fetch_one(db)
    .await
}
