//! What invitees and admins make of invitations. Each change guards itself: of
//! many at the same time one finds the row as it must be.

use sqlx::PgConnection;

use super::{Row, preparing::LEASE_SECONDS, select};
use crate::db::{InvitationId, Lease, TenantId};

/// Claims an invitation for accepting. This is where a link is used up: `None`
/// where it is not pending, has expired by the clock of the database, has
/// another link by now, or somebody is at work on it.
pub(crate) async fn begin_accept(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    token_hash: &[u8],
    lease: Lease,
) -> sqlx::Result<Option<Row>> {
    let begun = sqlx::query!(
        "UPDATE invitations SET state = 'accepting', lease_token = $4,
                lease_time = clock() + make_interval(secs => $5)
            WHERE tenant_id = $1 AND id = $2 AND token_hash = $3 AND expire_time > clock()
                AND (state = 'pending' OR state = 'accepting' AND lease_time <= clock())",
        tenant as _,
        id as _,
        token_hash,
        lease.0,
        LEASE_SECONDS,
    )
    .execute(&mut *db)
    .await?;
    if begun.rows_affected() == 0 {
        return Ok(None);
    }
    select!("WHERE tenant_id = $1 AND id = $2", tenant as _, id as _)
        .fetch_optional(db)
        .await
}

/// Undoes [`begin_accept`]: the link works again.
pub(crate) async fn undo_accept(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    lease: Lease,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE invitations SET state = 'pending', lease_time = NULL, lease_token = NULL
            WHERE tenant_id = $1 AND id = $2 AND state = 'accepting' AND lease_token = $3",
        tenant as _,
        id as _,
        lease.0,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Completes accepting. False where somebody else did, or the row is gone. It
/// asks for no lease: that the set-up is finished is a fact, whoever saw it.
pub(crate) async fn accept(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
) -> sqlx::Result<bool> {
    let accepted = sqlx::query!(
        "UPDATE invitations SET state = 'accepted', lease_time = NULL, lease_token = NULL,
                version = version + 1
            WHERE tenant_id = $1 AND id = $2 AND state IN ('accepting', 'pending')",
        tenant as _,
        id as _,
    )
    .execute(db)
    .await?;
    Ok(accepted.rows_affected() == 1)
}

/// Declines. `None` as in [`begin_accept`]. The lease says that the other
/// services have not heard of it yet.
pub(crate) async fn decline(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    token_hash: &[u8],
    lease: Lease,
) -> sqlx::Result<Option<Row>> {
    let declined = sqlx::query!(
        "UPDATE invitations SET state = 'declined', version = version + 1, lease_token = $4,
                lease_time = clock() + make_interval(secs => $5)
            WHERE tenant_id = $1 AND id = $2 AND token_hash = $3 AND expire_time > clock()
                AND state = 'pending'",
        tenant as _,
        id as _,
        token_hash,
        lease.0,
        LEASE_SECONDS,
    )
    .execute(&mut *db)
    .await?;
    if declined.rows_affected() == 0 {
        return Ok(None);
    }
    select!("WHERE tenant_id = $1 AND id = $2", tenant as _, id as _)
        .fetch_optional(db)
        .await
}

/// Takes a pending or declined invitation back. `None` where there is none in
/// these states. The lease as in [`decline`].
pub(crate) async fn revoke(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    lease: Lease,
) -> sqlx::Result<Option<Row>> {
    let revoked = sqlx::query!(
        "UPDATE invitations SET revoked = true, version = version + 1, lease_token = $3,
                lease_time = clock() + make_interval(secs => $4)
            WHERE tenant_id = $1 AND id = $2 AND state IN ('pending', 'declined') AND NOT revoked",
        tenant as _,
        id as _,
        lease.0,
        LEASE_SECONDS,
    )
    .execute(&mut *db)
    .await?;
    if revoked.rows_affected() == 0 {
        return Ok(None);
    }
    select!("WHERE tenant_id = $1 AND id = $2", tenant as _, id as _)
        .fetch_optional(db)
        .await
}

/// The other services have done what follows from declining or taking back. Of
/// an invitation that was declined and taken back nothing is left.
pub(crate) async fn settled(
    db: &mut PgConnection,
    tenant: TenantId,
    id: InvitationId,
    lease: Lease,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM invitations
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3 AND state = 'declined' AND revoked",
        tenant as _,
        id as _,
        lease.0,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE invitations SET lease_time = NULL, lease_token = NULL
            WHERE tenant_id = $1 AND id = $2 AND lease_token = $3",
        tenant as _,
        id as _,
        lease.0,
    )
    .execute(db)
    .await?;
    Ok(())
}
