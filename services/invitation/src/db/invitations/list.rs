//! Pages of invitations.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Row, select};
use crate::db::{TenantId, nearest_first};

/// What a list is about. Ranks are the values of `InvitationState`: lists are
/// sorted by them, then by id from the newest on.
pub(crate) struct Filter<'a> {
    pub(crate) tenant: TenantId,
    /// The states by rank.
    pub(crate) ranks: &'a [i32],
    /// The inviter's address in lower case; empty for any.
    pub(crate) inviter_email: &'a str,
}

/// Rows after (or before, nearest first) a place in the list; see `db`. The
/// parts of the list are read one by one, each along the index of states: rank
/// and id have none, for time alone makes a pending row an expired one.
pub(crate) async fn page(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    after: Option<(i32, Uuid)>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (rank, id) = after.unwrap_or((0, Uuid::nil()));
    let rows = select!(
        "WHERE tenant_id = $1 AND id = ANY(ARRAY(
            SELECT picked.id
            FROM (VALUES (1, 'pending', false), (1, 'accepting', NULL), (2, 'declined', NULL),
                    (3, 'pending', true), (4, 'accepted', NULL)) AS part (rank, state, expired)
            CROSS JOIN LATERAL (
                (SELECT i.id FROM invitations i
                    WHERE i.tenant_id = $1 AND i.state = part.state AND NOT i.revoked
                        AND (part.expired IS NULL OR part.expired = (i.expire_time <= clock()))
                        AND ($3 = '' OR lower(i.inviter_email) = $3)
                        AND NOT $6 AND part.rank >= $4
                        AND i.id < CASE WHEN part.rank = $4 THEN $5::uuid ELSE $8::uuid END
                    ORDER BY i.id DESC LIMIT $7)
                UNION ALL
                (SELECT i.id FROM invitations i
                    WHERE i.tenant_id = $1 AND i.state = part.state AND NOT i.revoked
                        AND (part.expired IS NULL OR part.expired = (i.expire_time <= clock()))
                        AND ($3 = '' OR lower(i.inviter_email) = $3)
                        AND $6 AND part.rank <= $4
                        AND i.id > CASE WHEN part.rank = $4 THEN $5::uuid ELSE $9::uuid END
                    ORDER BY i.id LIMIT $7)
            ) AS picked
            WHERE part.rank = ANY($2)
            ORDER BY CASE WHEN $6 THEN -part.rank ELSE part.rank END,
                CASE WHEN $6 THEN picked.id END, CASE WHEN NOT $6 THEN picked.id END DESC
            LIMIT $7))
            ORDER BY CASE
                WHEN state = 'accepted' THEN 4 WHEN state = 'declined' THEN 2
                WHEN state = 'pending' AND expire_time <= clock() THEN 3 ELSE 1 END, id DESC",
        filter.tenant as _,
        filter.ranks,
        filter.inviter_email,
        rank,
        id,
        backward,
        limit,
        Uuid::max(),
        Uuid::nil(),
    )
    .fetch_all(db)
    .await?;
    Ok(nearest_first(rows, backward))
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
