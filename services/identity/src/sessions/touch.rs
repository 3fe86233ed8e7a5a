//! Writes when sessions and API keys were last used, together and not at every
//! use.

use chrono::{DateTime, Utc};
use rpc::Error;
use uuid::Uuid;

use super::cache::Credential;
use crate::{Identity, db};

/// Columns of what was used, and when.
#[derive(Default)]
pub struct Uses {
    /// The tenants.
    pub tenants: Vec<Uuid>,
    /// The sessions, or the keys.
    pub ids: Vec<Uuid>,
    /// The times.
    pub times: Vec<DateTime<Utc>>,
}

/// Writes the last uses noted since the last time.
pub async fn flush(app: &Identity) -> Result<(), Error> {
    let (mut sessions, mut api_keys) = (Uses::default(), Uses::default());
    for ((credential, tenant), time) in app.sessions.take_used() {
        let (uses, id) = match credential {
            Credential::Session(id) => (&mut sessions, id.uuid()),
            Credential::ApiKey(id) => (&mut api_keys, id.uuid()),
        };
        uses.tenants.push(tenant.uuid());
        uses.ids.push(id);
        uses.times.push(time);
    }
    if sessions.ids.is_empty() && api_keys.ids.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.worker().await?;
    db::sessions::touch(&mut tx, &sessions).await?;
    db::api_keys::touch(&mut tx, &api_keys).await?;
    tx.done().await
}
