//! Makes the platform tenant and its first operator. Every step can be
//! repeated, and the last one makes the tenant active: after that, the same
//! call answers the same and does nothing.

use contract::{
    Id,
    authorization::{
        ActivateGrantsRequest, Grants, ListRolesRequest, ReserveGrantsRequest, RoleSet,
        provisioning_service_client::ProvisioningServiceClient,
        role_service_client::RoleServiceClient,
    },
    identity::{
        BootstrapRequest, BootstrapResponse, ErrorReason, Event, Tenant, User, UserCreated,
    },
};
use rpc::{Because as _, Caller, Error};
use subtle::ConstantTimeEq as _;

use super::{PLATFORM, prepare};
use crate::{
    Identity, NAME, db,
    db::{
        tenants::{New, Row},
        users::Details,
    },
    passwords,
    users::{self, names::Names},
};

/// The predefined role of an operator, as authorization names it.
const OPERATOR: &str = "operator";

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: BootstrapRequest,
) -> Result<BootstrapResponse, Error> {
    let expected = app.bootstrap_token.as_ref().map(boot::Secret::reveal);
    if !expected.is_some_and(|token| {
        token
            .as_bytes()
            .ct_eq(ask.bootstrap_token.as_bytes())
            .into()
    }) {
        return Err(ErrorReason::BootstrapTokenWrong
            .because("the bootstrap token is not the configured one"));
    }
    let names = Names::of(&ask.first_name, &ask.last_name, "", &ask.email)
        .ok_or_else(|| Error::field("email", "is too long"))?;
    let (row, operator) = begin(app, caller).await?;
    let tenant = row.tenant_id;
    let there = existing(app, tenant, operator, &names, row.state == "ACTIVE").await?;
    if row.state == "ACTIVE" {
        return Ok(BootstrapResponse {
            tenant: Some(row.into()),
            user_id: operator.to_string(),
        });
    }

    let system = Caller {
        address: caller.address,
        request_id: caller.request_id.clone(),
        ..Caller::system(NAME, tenant)
    };
    prepare::roles(app, tenant, row.role_set).await?;
    if !there {
        create(app, &system, operator, &names, &ask.password).await?;
    }
    grant(app, &system, operator).await?;
    let tenant = prepare::activate(app, &system, tenant).await?;
    Ok(BootstrapResponse {
        tenant: Some(tenant),
        user_id: operator.to_string(),
    })
}

/// The row of the platform tenant, new or as an earlier call left it, and the
/// id that its first operator has or will have.
async fn begin(app: &Identity, caller: &Caller) -> Result<(Row, Id<User>), Error> {
    let new = New {
        id: Id::new(),
        name: PLATFORM,
        display_name: "Platform",
        mfa_policy: "OPTIONAL",
        language: "en",
        role_set: RoleSet::Operator.into(),
        creator_user_id: Some(Id::new()),
        creator_tenant_id: None,
        creator_address: caller.address.map(|address| address.to_string()),
        request_id: "",
    };
    let mut tx = app.store.worker().await?;
    db::tenants::insert(&mut tx, &new).await?;
    let row = db::tenants::by_name(&mut tx, PLATFORM)
        .await?
        .ok_or_else(super::not_found)?;
    tx.done().await?;
    let operator = row
        .creator_user_id
        .ok_or_else(|| Error::fault("the platform has no first operator"))?;
    Ok((row, operator))
}

/// Whether the first operator is there already. Refused where it is somebody
/// else, or was deleted since.
async fn existing(
    app: &Identity,
    tenant: Id<Tenant>,
    operator: Id<User>,
    names: &Names,
    finished: bool,
) -> Result<bool, Error> {
    let mut tx = app.store.worker().await?;
    let email = db::users::email(&mut tx, tenant, operator).await?;
    match email.map(|email| users::names::key(&email) == names.email_key) {
        Some(true) => Ok(true),
        None if !finished => Ok(false),
        _ => {
            Err(ErrorReason::Bootstrapped
                .because("the installation has its first operator already"))
        }
    }
}

async fn create(
    app: &Identity,
    system: &Caller,
    operator: Id<User>,
    names: &Names,
    password: &str,
) -> Result<(), Error> {
    let tenant = system.tenant()?;
    let mut tx = app.store.tenant(tenant, system).await?;
    let terms = passwords::terms(app, &mut tx, tenant, names).await?;
    drop(tx);
    let place = app.hashing.place()?;
    let new = db::passwords::New {
        kept: app.hashing.hash(&place, password, terms).await?,
        temporary: None,
    };
    drop(place);
    let mut tx = app.store.tenant(tenant, system).await?;
    // Nothing inserted: the same call runs twice at the same time.
    let details = Details {
        language: "en".into(),
        ..Details::default()
    };
    if db::users::insert(&mut tx, tenant, operator, names, &details, true)
        .await?
        .is_some()
    {
        db::passwords::insert(&mut tx, tenant, operator, &new).await?;
        let user = users::read(&mut tx, tenant, operator).await?;
        tx.publish(Event::from(UserCreated {
            user: Some(users::nameless(user)),
        }));
    }
    tx.done().await
}

async fn grant(app: &Identity, system: &Caller, operator: Id<User>) -> Result<(), Error> {
    let channel = app.authorization.on_behalf_of(system);
    let ask = ListRolesRequest {
        page_size: 100,
        ..ListRolesRequest::default()
    };
    let roles = RoleServiceClient::new(channel.clone())
        .list_roles(ask)
        .await?;
    let role = roles
        .get_ref()
        .roles
        .iter()
        .find(|role| role.name == OPERATOR);
    let role = role.ok_or_else(|| Error::fault("the platform has no role operator"))?;
    let user_id = operator.to_string();
    let mut provisioning = ProvisioningServiceClient::new(channel);
    let grants = Grants {
        user_id: user_id.clone(),
        role_ids: vec![role.id.clone()],
        ..Grants::default()
    };
    let reply = provisioning
        .reserve_grants(ReserveGrantsRequest {
            grants: vec![grants],
        })
        .await?;
    if let Some(refused) = reply
        .get_ref()
        .outcomes
        .iter()
        .find(|outcome| !outcome.refusal.is_empty())
    {
        return Err(Error::fault(format!(
            "the operator's role was refused: {}",
            refused.message
        )));
    }
    provisioning
        .activate_grants(ActivateGrantsRequest {
            user_id,
            ..ActivateGrantsRequest::default()
        })
        .await?;
    Ok(())
}
