//! Takes a domain as proven, where its TXT record says so.

use contract::identity::{
    DomainVerified, ErrorReason, Event, PrimaryDomainSet, VerifyDomainRequest, VerifyDomainResponse,
};
use rpc::{Because as _, Caller, Error};

use super::{record_name, record_value, unproven};
use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: VerifyDomainRequest,
) -> Result<VerifyDomainResponse, Error> {
    let tenant = caller.tenant()?;
    let name = ask.domain.to_ascii_lowercase();
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let row = super::read(&mut tx, tenant, &name).await?;
    if row.verify_time.is_some() {
        let domain = Some(row.into());
        return tx.commit(VerifyDomainResponse { domain }).await;
    }
    // Before the transaction, which would be held open for as long as it takes.
    drop(tx);
    let texts = app.lookup.texts(&record_name(&name)).await?;
    if !texts.contains(&record_value(&row.challenge)) {
        return Err(unproven(
            &row,
            "its TXT record is missing or holds something else",
        ));
    }

    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::hold(&mut tx, tenant).await?;
    // Removed meanwhile, or removed and added again: that is another record.
    if !db::domains::verify(&mut tx, tenant, &name, &row.challenge)
        .await
        .map_err(taken)?
    {
        return Err(super::not_found());
    }
    db::domains::set_primary(&mut tx, tenant, &name, false).await?;
    let row = super::read(&mut tx, tenant, &name).await?;
    tx.publish(Event::from(DomainVerified {
        domain: name.clone(),
    }));
    // The first one is.
    if row.is_primary {
        tx.publish(Event::from(PrimaryDomainSet { domain: name }));
    }
    tx.commit(VerifyDomainResponse {
        domain: Some(row.into()),
    })
    .await
}

/// The index over proven domains is the only one that can refuse.
fn taken(error: sqlx::Error) -> Error {
    match error.as_database_error() {
        Some(refused) if refused.is_unique_violation() => ErrorReason::DomainTaken
            .because("another tenant proved this domain before, and must remove it first"),
        _ => error.into(),
    }
}
