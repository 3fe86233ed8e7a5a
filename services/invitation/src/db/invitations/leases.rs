//! Who is at work on a row.

use sqlx::PgConnection;

use super::{Row, preparing::LEASE_SECONDS, select};
use crate::db::{Lease, TenantId};

/// Takes over rows whose lease ended before their work did, of all tenants:
/// for the worker role.
pub(crate) async fn claim_unfinished(
    db: &mut PgConnection,
    lease: Lease,
    most: i64,
) -> sqlx::Result<Vec<Row>> {
    let claimed = sqlx::query!(
        "UPDATE invitations SET lease_token = $1, lease_time = clock() + make_interval(secs => $2)
            WHERE (tenant_id, id) IN (
                SELECT tenant_id, id FROM invitations WHERE lease_time <= clock()
                    ORDER BY lease_time LIMIT $3 FOR UPDATE SKIP LOCKED)",
        lease.0,
        LEASE_SECONDS,
        most,
    )
    .execute(&mut *db)
    .await?;
    if claimed.rows_affected() == 0 {
        return Ok(Vec::new());
    }
    // The index of unfinished rows is the one for this.
    select!(
        "WHERE lease_time IS NOT NULL AND lease_token = $1
            ORDER BY tenant_id, request_key, request_index",
        lease.0,
    )
    .fetch_all(db)
    .await
}

/// Ends a lease with its work unfinished: whoever comes next takes over at
/// once.
pub(crate) async fn give_up(
    db: &mut PgConnection,
    tenant: TenantId,
    lease: Lease,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invitations SET lease_time = clock() WHERE tenant_id = $1 AND lease_time IS NOT NULL AND lease_token = $2",
        tenant as _,
        lease.0,
    )
    .execute(db)
    .await?;
    Ok(())
}
