//! Pages of invitations.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Row, select};
use crate::db::{TenantId, nearest_first};

/// The values of `InvitationState`, in the order of lists.
const RANKS: [i32; 4] = [1, 2, 3, 4];

/// What a list is about. Ranks are the values of `InvitationState`: lists are
/// sorted by them, then by id from the newest on.
pub(crate) struct Filter<'a> {
    pub(crate) tenant: TenantId,
    /// The states by rank.
    pub(crate) ranks: &'a [i32],
    /// The inviter's address in lower case; empty for any.
    pub(crate) inviter_email: &'a str,
}

/// Rows after (or before, nearest first) a place in the list, rank by rank until
/// there are enough: rank and id have no index together, for time alone makes a
/// pending row an expired one.
pub(crate) async fn page(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    after: Option<(i32, Uuid)>,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    let (edge, mut ranks) = (if backward { Uuid::nil() } else { Uuid::max() }, RANKS);
    if backward {
        ranks.reverse();
    }
    let mut rows = Vec::new();
    for rank in ranks {
        let from = match after {
            Some((at, id)) if at == rank => id,
            Some((at, _)) if (at < rank) == backward => continue,
            _ => edge,
        };
        let missing = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if missing > 0 && filter.ranks.contains(&rank) {
            rows.extend(part(db, filter, rank, from, backward, missing).await?);
        }
    }
    Ok(rows)
}

/// The rows of one rank; see `db`.
async fn part(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    rank: i32,
    from: Uuid,
    backward: bool,
    limit: i64,
) -> sqlx::Result<Vec<Row>> {
    select!(
        "WHERE tenant_id = $1 AND id = ANY(ARRAY(
            SELECT picked.id
            FROM (VALUES (1, 'pending', false), (1, 'accepting', NULL), (2, 'declined', NULL),
                    (3, 'pending', true), (4, 'accepted', NULL)) AS part (rank, state, expired)
            CROSS JOIN LATERAL (
                (SELECT i.id FROM invitations i
                    WHERE i.tenant_id = $1 AND i.state = part.state AND NOT i.revoked
                        AND (part.expired IS NULL OR part.expired = (i.expire_time <= clock()))
                        AND ($3 = '' OR lower(i.inviter_email) = $3) AND NOT $5 AND i.id < $4
                    ORDER BY i.id DESC LIMIT $6)
                UNION ALL
                (SELECT i.id FROM invitations i
                    WHERE i.tenant_id = $1 AND i.state = part.state AND NOT i.revoked
                        AND (part.expired IS NULL OR part.expired = (i.expire_time <= clock()))
                        AND ($3 = '' OR lower(i.inviter_email) = $3) AND $5 AND i.id > $4
                    ORDER BY i.id LIMIT $6)
            ) AS picked
            WHERE part.rank = $2
            ORDER BY CASE WHEN $5 THEN picked.id END, CASE WHEN NOT $5 THEN picked.id END DESC
            LIMIT $6))
            ORDER BY id DESC",
        filter.tenant as _,
        rank,
        filter.inviter_email,
        from,
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
