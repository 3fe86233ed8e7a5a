//! Changes a property. What users hold is left as it is.

use contract::{
    errors,
    identity::{Event, Property, PropertyUpdated, UpdatePropertyRequest, UpdatePropertyResponse},
};
use rpc::{Because as _, Caller, Error};

use super::{definition, not_found};
use crate::{Identity, db, db::properties::Row, masks};

/// What a caller cannot change.
const FIXED: [&str; 5] = ["name", "type", "create_time", "update_time", "etag"];

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: UpdatePropertyRequest,
) -> Result<UpdatePropertyResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let given = ask.property.unwrap_or_default();
    let row = db::properties::hold(&mut tx, tenant, &given.name)
        .await?
        .ok_or_else(not_found)?;
    if !ask.etag.is_empty() && ask.etag != row.version.to_string() {
        return Err(changed(row.version));
    }
    let version = row.version;
    let (was, mask) = (Property::from(row), ask.update_mask.unwrap_or_default());
    let row = Row {
        version,
        ..definition(&masks::merge(&was, &given, &mask, &FIXED)?)?
    };
    db::properties::update(&mut tx, tenant, &row)
        .await?
        .ok_or_else(|| changed(version))?;
    let row = db::properties::get(&mut tx, tenant, &row.name)
        .await?
        .ok_or_else(not_found)?;
    let property = Property::from(row);
    tx.publish(Event::from(PropertyUpdated {
        before: Some(was),
        after: Some(property.clone()),
    }));
    tx.commit(UpdatePropertyResponse {
        property: Some(property),
    })
    .await
}

fn changed(version: i64) -> Error {
    errors::ErrorReason::EtagMismatch
        .because("somebody changed the property since it was read")
        .with("etag", version)
}
