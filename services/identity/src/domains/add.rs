//! Adds a domain. Whether another tenant has it makes no difference (B-24).

use contract::identity::{AddDomainRequest, AddDomainResponse, DomainAdded, ErrorReason, Event};
use rpc::{Because as _, Caller, Error};
use store::Keys;

use crate::{Identity, db};

/// The most domains of a tenant.
const MOST: i64 = 100;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: AddDomainRequest,
) -> Result<AddDomainResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let domain = ask.domain.to_ascii_lowercase();
    db::tenants::hold(&mut tx, tenant).await?;
    let added = db::domains::insert(&mut tx, tenant, &domain, &Keys::token(), MOST).await?;
    let kept = db::domains::get(&mut tx, tenant, &domain).await?;
    if added.is_none() {
        return Err(match kept {
            Some(_) => ErrorReason::DomainExists.because("the tenant has this domain already"),
            None => Error::field("domain", format!("is one more than {MOST}")),
        });
    }
    let row = kept.ok_or_else(super::not_found)?;
    tx.publish(Event::from(DomainAdded { domain }));
    tx.commit(AddDomainResponse {
        domain: Some(row.into()),
    })
    .await
}
