//! Phones that were proven to receive codes.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::PgConnection;

/// Keeps a user's phone, in place of another.
pub async fn set(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
    number: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO sms_factors (tenant_id, user_id, number) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, user_id)
         DO UPDATE SET number = excluded.number, enrol_time = clock()",
        tenant.uuid(),
        user.uuid(),
        number,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The number of a user's phone.
pub async fn number(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT number FROM sms_factors WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Removes a user's phone. `false` where there is none.
pub async fn remove(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM sms_factors WHERE tenant_id = $1 AND user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
