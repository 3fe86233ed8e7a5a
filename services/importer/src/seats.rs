//! How many seats are left for an import.
//!
//! Nothing of this is stored: an operator may raise the seats, or a colleague
//! use one, while the file is reviewed. A user who would be new uses a seat by
//! having a licensed role, so the rows over the seats are all such rows but the
//! first few, and one query finds them. Where there are seats for all rows, as
//! there mostly are, not even that is asked.

use std::collections::HashMap;

use contract::licensing::{GetLicenseRequest, license_service_client::LicenseServiceClient};
use rpc::{Caller, Error};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Importer,
    db::{
        imports::Import,
        rows::{OverSeats, licensed_users, over_seats},
    },
};

/// The seats of a tenant.
#[derive(Clone, Debug)]
pub struct Seats {
    free: i64,
    licensed: Vec<Uuid>,
}

/// The seats as they are now. Ask before a transaction, not in it.
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
        import: &Import,
    ) -> Result<OverSeats, Error> {
        if self.suffice(import) {
            return Ok(OverSeats::none());
        }
        Ok(over_seats(db, tenant, import.id, &self.licensed, self.free).await?)
    }

    /// Counts such rows of many imports.
    pub async fn count_over(
        &self,
        db: &mut PgConnection,
        tenant: Uuid,
        imports: &mut [&mut Import],
    ) -> Result<(), Error> {
        let short = imports.iter().filter(|import| !self.suffice(import));
        let short: Vec<Uuid> = short.map(|import| import.id).collect();
        let users = if short.is_empty() {
            HashMap::new()
        } else {
            licensed_users(db, tenant, &short, &self.licensed).await?
        };
        for import in imports {
            let users = users.get(&import.id).copied().unwrap_or_default();
            let over = users.saturating_sub(self.free).max(0);
            import.over_seats = i32::try_from(over).unwrap_or(i32::MAX);
        }
        Ok(())
    }

    /// Whether every row that would become a user could have a seat.
    fn suffice(&self, import: &Import) -> bool {
        let users = i64::from(import.good) + i64::from(import.flagged) - i64::from(import.existing);
        users <= self.free
    }
}
