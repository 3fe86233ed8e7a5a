//! What of a user is edited, beside their life.

use contract::{
    Id,
    identity::{Tenant, User},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::{properties::values::Values, users::names::Names};

/// What is known of a user beside their names.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// The language of mails.
    pub language: String,
    /// The telephone number; empty where unknown.
    pub phone: String,
    /// The time zone; empty where unknown.
    pub time_zone: String,
    /// The address of a picture; empty where there is none.
    pub avatar_uri: String,
    /// The account in Active Directory.
    pub active_directory_id: Option<Uuid>,
    /// The classification level.
    pub classification_level_id: Option<Uuid>,
    /// The values of the tenant's own properties.
    pub properties: Values,
}

/// Writes names and details of a user, who must be locked.
pub async fn update(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<User>,
    names: &Names,
    details: &Details,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET first_name = $3, last_name = $4, username = $5, email = $6,
             username_key = $7, email_key = $8, sort_key = $9, language = $10, phone = $11,
             time_zone = $12, avatar_uri = $13, active_directory_id = $14,
             classification_level_id = $15, properties = $16, update_time = clock(),
             version = version + 1
         WHERE tenant_id = $1 AND id = $2",
        tenant.uuid(),
        id.uuid(),
        names.first_name,
        names.last_name,
        names.username,
        names.email,
        names.username_key,
        names.email_key,
        names.sort_key,
        details.language,
        details.phone,
        details.time_zone,
        details.avatar_uri,
        details.active_directory_id,
        details.classification_level_id,
        Json(&details.properties) as Json<&Values>,
    )
    .execute(db)
    .await?;
    Ok(())
}
