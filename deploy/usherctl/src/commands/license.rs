//! Seats of the tenant, and the roles that use them.

use contract::licensing::{
    GetLicenseRequest, License as Seats, ListSeatsRequest, Seat, SetLicensedRolesRequest,
    UpdateLicenseRequest, license_service_client::LicenseServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{time, yes},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum License {
    /// Show the seats
    Show,
    /// Set how many seats there are; for operators
    #[command(after_help = "Example:\n  usherctl --tenant acme license set 250")]
    Set {
        /// How many
        total_seats: u32,
    },
    /// Set which roles use a seat, all others use none; for operators
    #[command(after_help = "Example:\n  usherctl --tenant acme license roles admin analyst")]
    Roles {
        /// The roles, by names or ids; none: no role uses a seat
        roles: Vec<String>,
    },
    /// List who uses the seats
    Seats {
        #[command(flatten)]
        limit: Limit,
    },
}

impl License {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = LicenseServiceClient::new(session.client.gateway());
        let license = match self {
            License::Show => {
                client
                    .get_license(GetLicenseRequest {})
                    .await?
                    .into_inner()
                    .license
            }
            License::Set { total_seats } => {
                let ask = UpdateLicenseRequest {
                    total_seats,
                    etag: String::new(),
                    request_id: names::request_id(),
                };
                client.update_license(ask).await?.into_inner().license
            }
            License::Roles { roles } => {
                let role_ids = names::roles(session, &roles).await?;
                let ask = SetLicensedRolesRequest {
                    role_ids,
                    request_id: names::request_id(),
                };
                client.set_licensed_roles(ask).await?.into_inner().license
            }
            License::Seats { limit } => return seats(session, limit).await,
        };
        show(session, &license.unwrap_or_default()).await
    }
}

async fn show(session: &Session, license: &Seats) -> Result<(), Failure> {
    let roles = names::all_roles(session).await?;
    let licensed: Vec<_> = roles
        .into_iter()
        .filter(|role| license.licensed_role_ids.contains(&role.id))
        .map(|role| role.name)
        .collect();
    let licensed = if licensed.is_empty() {
        "none: no role uses a seat".to_owned()
    } else {
        licensed.join(", ")
    };
    let fields = [
        ("Seats", license.total_seats.to_string()),
        ("Used", license.used_seats.to_string()),
        ("Free", license.free_seats.to_string()),
        ("Roles that use one", licensed),
    ];
    session.print.one(license, &fields)
}

async fn seats(session: &Session, limit: Limit) -> Result<(), Failure> {
    let client = LicenseServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_seats(ListSeatsRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let listed = list(limit, ask, |page| {
        (page.seats, page.next_page_token, page.total_size)
    })
    .await?;
    session.print.many(
        &listed,
        ["User ID", "Invited", "Disabled", "Since"],
        |seat: &Seat| {
            [
                seat.user_id.clone(),
                yes(seat.pending),
                yes(seat.suspended),
                time(seat.start_time.as_ref()),
            ]
        },
    )
}
