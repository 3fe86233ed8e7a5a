//! Chooses the domain that usernames without an @ get.

use contract::identity::{
    Event, PrimaryDomainSet, SetPrimaryDomainRequest, SetPrimaryDomainResponse,
};
use rpc::{Caller, Error};

use super::unproven;
use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: SetPrimaryDomainRequest,
) -> Result<SetPrimaryDomainResponse, Error> {
    let tenant = caller.tenant()?;
    let name = ask.domain.to_ascii_lowercase();
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::hold(&mut tx, tenant).await?;
    let row = super::read(&mut tx, tenant, &name).await?;
    if !row.is_primary {
        if !db::domains::set_primary(&mut tx, tenant, &name, true).await? {
            return Err(unproven(&row, "prove it before it becomes the primary one"));
        }
        tx.publish(Event::from(PrimaryDomainSet {
            domain: name.clone(),
        }));
    }
    let row = super::read(&mut tx, tenant, &name).await?;
    tx.commit(SetPrimaryDomainResponse {
        domain: Some(row.into()),
    })
    .await
}
