//! `GetLicense`.

use contract::licensing::GetLicenseResponse;
use rpc::{Caller, Error};

use super::license;
use crate::{Authorization, db, provisioning};

/// Reads the licence.
pub async fn run(app: &Authorization, caller: &Caller) -> Result<GetLicenseResponse, Error> {
    let tenant = caller.tenant()?;
    let mut tx = app.store.read(caller).await?;
    let count = db::seats::count(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    Ok(GetLicenseResponse {
        license: Some(license(&mut tx, tenant, count).await?),
    })
}
