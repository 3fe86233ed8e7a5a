//! Defines a property.

use contract::identity::{
    CreatePropertyRequest, CreatePropertyResponse, ErrorReason, Event, Property, PropertyCreated,
};
use rpc::{Because as _, Caller, Error};

use super::{definition, not_found};
use crate::{Identity, db};

/// The most properties of a tenant.
const MOST: i64 = 100;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreatePropertyRequest,
) -> Result<CreatePropertyResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let row = definition(&ask.property.unwrap_or_default())?;
    db::tenants::hold(&mut tx, tenant).await?;
    let added = db::properties::insert(&mut tx, tenant, &row, MOST).await?;
    let kept = db::properties::get(&mut tx, tenant, &row.name).await?;
    if added.is_none() {
        return Err(match kept {
            Some(_) => {
                ErrorReason::PropertyExists.because("the tenant has a property of this name")
            }
            None if db::properties::count(&mut tx, tenant).await? < MOST => {
                ErrorReason::PropertyExists.because(
                    "a property of this name was just deleted and is still being taken from \
                     users; try again in a moment",
                )
            }
            None => Error::field(
                "property",
                format!("the tenant has {MOST}, and can have no more: delete one first"),
            ),
        });
    }
    let property = Property::from(kept.ok_or_else(not_found)?);
    tx.publish(Event::from(PropertyCreated {
        property: Some(property.clone()),
    }));
    tx.commit(CreatePropertyResponse {
        property: Some(property),
    })
    .await
}
