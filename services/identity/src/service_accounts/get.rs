//! Answers one service account.

use contract::identity::{GetServiceAccountRequest, GetServiceAccountResponse};
use rpc::{Caller, Error};

use crate::Identity;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: &GetServiceAccountRequest,
) -> Result<GetServiceAccountResponse, Error> {
    let id = ask.service_account_id.parse()?;
    let mut tx = app.store.read(caller).await?;
    let account = super::read(&mut tx, caller.tenant()?, id).await?;
    Ok(GetServiceAccountResponse {
        service_account: Some(account),
    })
}
