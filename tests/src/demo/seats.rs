//! Step 7: the last seat is gone.

use anyhow::{Context, Result, bail, ensure};
use contract::authorization::{
    CreateRoleBindingRequest, ListRoleBindingsRequest,
    role_binding_service_client::RoleBindingServiceClient,
};
use testkit::refusal;

use super::{Company, people::Brought};

/// With as many seats as are used, one more licensed grant is refused and
/// changes nothing.
pub async fn exhaust(company: &Company, brought: &Brought) -> Result<()> {
    let used = company.license().await?.used_seats;
    let license = company.set_seats(used).await?;
    ensure!(
        license.free_seats == 0,
        "{} seats are free",
        license.free_seats
    );
    let standard = &company.roles["standard user"];
    let (user_id, _) = brought
        .roles
        .iter()
        .find(|(_, role)| *role == standard)
        .context("no standard user")?;
    let mut bindings = RoleBindingServiceClient::new(company.admin.client.clone());
    let ask = CreateRoleBindingRequest {
        user_id: user_id.clone(),
        role_id: company.roles["analyst"].clone(),
        ..Default::default()
    };
    match bindings.create_role_binding(ask).await {
        Ok(_) => bail!("a seat too many was given"),
        Err(status) => ensure!(
            refusal(&status).reason == "SEATS_EXHAUSTED",
            "refused otherwise: {status:?}"
        ),
    }
    let ask = ListRoleBindingsRequest {
        user_id: user_id.clone(),
        ..Default::default()
    };
    let held = bindings.list_role_bindings(ask).await?.into_inner();
    ensure!(
        held.total_size == 1,
        "the refused grant left something: {held:?}"
    );
    ensure!(
        company.license().await?.used_seats == used,
        "the refused grant changed the count"
    );
    Ok(())
}
