//! Finds users by email or by id, and service accounts by id; with them, on which
//! domains others may be invited.

use contract::identity::{FindUsersRequest, FindUsersResponse};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{Identity, db, users::names};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: FindUsersRequest,
) -> Result<FindUsersResponse, Error> {
    let keys: Vec<String> = ask.emails.iter().map(|email| names::key(email)).collect();
    let ids = ask
        .user_ids
        .iter()
        .map(|id| id.parse())
        .collect::<Result<Vec<Uuid>, _>>()?;
    let mut tx = app.store.read(caller).await?;
    let rows = db::users::find(&mut tx, caller.tenant()?, &keys, &ids).await?;
    let accounts = db::service_accounts::find(&mut tx, caller.tenant()?, &ids).await?;
    let domains = db::domains::proven(&mut tx, caller.tenant()?).await?;
    Ok(FindUsersResponse {
        username_domains: domains,
        service_accounts: accounts.into_iter().map(Into::into).collect(),
        users: rows.into_iter().map(Into::into).collect(),
    })
}
