//! Writes when sessions were last used, together and not at every use.

use rpc::Error;

use crate::{Identity, db};

/// Writes the last uses noted since the last time.
pub async fn flush(app: &Identity) -> Result<(), Error> {
    let used = app.sessions.take_used();
    if used.is_empty() {
        return Ok(());
    }
    let (mut tenants, mut ids, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for ((tenant, id), time) in used {
        tenants.push(tenant.uuid());
        ids.push(id.uuid());
        times.push(time);
    }
    let mut tx = app.store.worker().await?;
    db::sessions::touch(&mut tx, &tenants, &ids, &times).await?;
    tx.done().await
}
