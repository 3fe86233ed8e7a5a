//! Answers the tenant of a call.

use contract::identity::GetTenantResponse;
use rpc::{Caller, Error};

use crate::Identity;

pub async fn run(app: &Identity, caller: &Caller) -> Result<GetTenantResponse, Error> {
    Ok(GetTenantResponse {
        tenant: Some(super::read(app, caller).await?.into()),
    })
}
