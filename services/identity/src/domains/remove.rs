//! Removes a domain on which no usernames are.

use contract::identity::{
    DomainRemoved, ErrorReason, Event, RemoveDomainRequest, RemoveDomainResponse,
};
use rpc::{Because as _, Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: RemoveDomainRequest,
) -> Result<RemoveDomainResponse, Error> {
    let tenant = caller.tenant()?;
    let name = ask.domain.to_ascii_lowercase();
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::hold(&mut tx, tenant).await?;
    // From here on nobody chooses a username on it, and those who just did are
    // waited for.
    let row = db::domains::lock(&mut tx, tenant, &name)
        .await?
        .ok_or_else(super::not_found)?;
    if row.is_primary {
        if db::domains::hold_proven(&mut tx, tenant).await?.len() > 1 {
            return Err(in_use("it is the primary domain; choose another one first"));
        }
        db::domains::unset_primary(&mut tx, tenant).await?;
    }
    if !db::domains::remove(&mut tx, tenant, &name).await? {
        return Err(in_use("usernames are on it"));
    }
    tx.publish(Event::from(DomainRemoved { domain: name }));
    tx.commit(RemoveDomainResponse {}).await
}

fn in_use(why: &str) -> Error {
    ErrorReason::DomainInUse.because(format!("the domain is in use: {why}"))
}
