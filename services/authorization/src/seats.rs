//! Seats: how many there are and who uses one (requirements ).
//!
//! A user uses one seat for as long as they hold at least one licensed role,
//! be it live or waiting, be the user enabled or not.

use contract::authorization::Role;
use contract::identity::{Tenant, User};
use contract::licensing::license_service_server::LicenseService;
use contract::licensing::{
    ErrorReason, GetLicenseRequest, GetLicenseResponse, License, ListSeatsRequest,
    ListSeatsResponse, SetLicensedRolesRequest, SetLicensedRolesResponse, UpdateLicenseRequest,
    UpdateLicenseResponse,
};
use rpc::{Because as _, Error, Id, Reply};
use store::Tx;
use tonic::Request;

use crate::db::seats::Count;
use crate::{Authorization, db};

mod get;
mod list;
mod set_licensed_roles;
mod update;

#[tonic::async_trait]
impl LicenseService for Authorization {
    async fn get_license(&self, request: Request<GetLicenseRequest>) -> Reply<GetLicenseResponse> {
        let (caller, _) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller).await)
    }

    async fn update_license(
        &self,
        request: Request<UpdateLicenseRequest>,
    ) -> Reply<UpdateLicenseResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(update::run(self, &caller, ask).await)
    }

    async fn set_licensed_roles(
        &self,
        request: Request<SetLicensedRolesRequest>,
    ) -> Reply<SetLicensedRolesResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(set_licensed_roles::run(self, &caller, ask).await)
    }

    async fn list_seats(&self, request: Request<ListSeatsRequest>) -> Reply<ListSeatsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }
}

/// Seats a user who gets a licensed role, unless they have a seat; else, where
/// none is left, `SEATS_EXHAUSTED`.
pub async fn take(tx: &mut Tx, tenant: Id<Tenant>, user: Id<User>) -> Result<(), Error> {
    if db::seats::hold(tx, tenant, &[user]).await? == 0 || db::seats::take(tx, tenant, 1).await? {
        return Ok(());
    }
    let total = db::seats::count(tx, tenant)
        .await?
        .map_or(0, |count| count.total);
    Err(exhausted(total))
}

/// Refuses, without waiting for the tenant's turn, what would be refused then
/// for want of a seat: a stampede for the last seats is turned away cheaply.
pub async fn refuse_early(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    role: Id<Role>,
) -> Result<(), Error> {
    match db::seats::none_left_for(tx, tenant, user, role).await? {
        Some(total) => Err(exhausted(total)),
        None => Ok(()),
    }
}

/// The refusal for want of a seat.
pub fn exhausted(total: i32) -> Error {
    let why = match total {
        0 => "there are no seats".to_owned(),
        1 => "the only seat is in use".to_owned(),
        _ => format!("all {total} seats are in use"),
    };
    refuse_exhausted(&why, total)
}

fn refuse_exhausted(why: &str, total: i32) -> Error {
    ErrorReason::SeatsExhausted
        .because(why)
        .with("total_seats", total)
        .precondition("SEATS", "license", why)
}

/// The licence as callers see it.
async fn license(tx: &mut Tx, tenant: Id<Tenant>, count: Count) -> Result<License, Error> {
    let roles = db::roles::all(tx, tenant, None).await?;
    let seats = |number: i32| u32::try_from(number).unwrap_or_default();
    Ok(License {
        total_seats: seats(count.total),
        used_seats: seats(count.used),
        free_seats: seats(count.total - count.used),
        licensed_role_ids: roles
            .iter()
            .filter(|role| role.licensed)
            .map(|role| role.id.to_string())
            .collect(),
        etag: count.version.to_string(),
    })
}
