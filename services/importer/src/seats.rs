//! How many seats are left for an import.
//!
//! Nothing of this is stored: an operator may raise the seats, or a colleague
//! use one, while the file is reviewed. A user who would be new uses a seat by
//! having a licensed role, so the rows over the seats are all such rows but the
//! first few, and one query finds them.

use contract::licensing::{GetLicenseRequest, license_service_client::LicenseServiceClient};
use rpc::{Caller, Error};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Importer,
    db::rows::{OverSeats, over_seats},
};

/// The seats of a tenant.
#[derive(Clone, Debug)]
pub struct Seats {
    free: i64,
    licensed: Vec<Uuid>,
}

/// The seats as they are now.
pub async fn of_tenant(app: &Importer, caller: &Caller) -> Result<Seats, Error> {
    let mut client = LicenseServiceClient::new(
        app.peers
            .authorization
            .on_behalf_of(&Importer::system(caller)?),
    );
    let license = client
        .get_license(GetLicenseRequest {})
        .await?
        .into_inner()
        .license
        .unwrap_or_default();
    let licensed = license
        .licensed_role_ids
        .iter()
        .map(|id| Uuid::parse_str(id))
        .collect::<Result<_, _>>()?;
    Ok(Seats {
        free: i64::from(license.free_seats),
        licensed,
    })
}

impl Seats {
    /// The rows of an import for which no seat would be left.
    pub async fn over(
        &self,
        db: &mut PgConnection,
        tenant: Uuid,
        import: Uuid,
    ) -> Result<OverSeats, Error> {
        Ok(over_seats(db, tenant, import, &self.licensed, self.free).await?)
    }
}
