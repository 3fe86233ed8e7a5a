//! The roles of the tenant, as authorization has them now.

use contract::authorization::{ListRolesRequest, Role, role_service_client::RoleServiceClient};
use rpc::{Caller, Error};

use crate::{Importer, reading::Roles};

/// Pages of a hundred roles that are read: tenants have a few roles, and a
/// review must not become a long walk where one has thousands.
const PAGES: usize = 10;

/// The roles that a file can name.
pub async fn of_tenant(app: &Importer, caller: &Caller) -> Result<Roles, Error> {
    let mut client = RoleServiceClient::new(
        app.peers
            .authorization
            .on_behalf_of(&Importer::system(caller)?),
    );
    let mut roles: Vec<Role> = Vec::new();
    let mut page_token = String::new();
    for _ in 0..PAGES {
        let page = client
            .list_roles(ListRolesRequest {
                page_size: 100,
                page_token,
            })
            .await?
            .into_inner();
        roles.extend(page.roles);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(Roles::new(&roles));
        }
    }
    Err(Error::fault(
        "a tenant has more roles than an import can name",
    ))
}
