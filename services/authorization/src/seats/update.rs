//! `UpdateLicense`.

use contract::authorization::LicenseUpdated;
use contract::errors;
use contract::licensing::{ErrorReason, UpdateLicenseRequest, UpdateLicenseResponse};
use rpc::{Because as _, Caller, Error};

use super::license;
use crate::db::seats::Count;
use crate::revisions::announce;
use crate::{Authorization, db, provisioning};

/// Sets how many seats there are, never fewer than are used.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: UpdateLicenseRequest,
) -> Result<UpdateLicenseResponse, Error> {
    let tenant = caller.tenant()?;
    let total = i32::try_from(ask.total_seats)?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    let before = db::seats::count(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    if !ask.etag.is_empty() && ask.etag != before.version.to_string() {
        return Err(changed(before));
    }
    let after = db::seats::set_total(&mut tx, tenant, total)
        .await?
        .ok_or_else(|| in_use(before))?;
    let fact = LicenseUpdated {
        previous_total_seats: u32::try_from(before.total)?,
        total_seats: ask.total_seats,
    };
    announce(&app.cache, &mut tx, fact);
    let license = Some(license(&mut tx, tenant, after).await?);
    tx.commit(UpdateLicenseResponse { license }).await
}

fn changed(count: Count) -> Error {
    errors::ErrorReason::EtagMismatch
        .because("somebody changed the licence")
        .with("etag", count.version)
}

fn in_use(count: Count) -> Error {
    let why = format!("{} seats are in use", count.used);
    ErrorReason::SeatsInUse
        .because(&why)
        .with("used_seats", count.used)
        .precondition("SEATS", "license", why)
}
