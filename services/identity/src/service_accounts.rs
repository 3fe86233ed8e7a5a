//! Machines that call by themselves, and their keys (requirement O-02).
//!
//! A service account is a subject of authorization, as a user is, and holds the
//! roles that it is given. Its keys are secrets of which only keyed hashes are
//! kept. Who changes an account, or makes a key for it, could act as it from then
//! on: so they must be allowed at least as much as it is ([`crate::authority`]).

pub mod authenticate;
mod create;
mod create_key;
mod delete;
mod disable;
mod enable;
mod get;
mod list;
mod list_keys;
mod revoke_key;
mod rotate_key;
mod update;

use contract::{
    Id,
    identity::{
        ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, CreateServiceAccountRequest,
        CreateServiceAccountResponse, DeleteServiceAccountRequest, DeleteServiceAccountResponse,
        DisableServiceAccountRequest, DisableServiceAccountResponse, EnableServiceAccountRequest,
        EnableServiceAccountResponse, ErrorReason, GetServiceAccountRequest,
        GetServiceAccountResponse, ListApiKeysRequest, ListApiKeysResponse,
        ListServiceAccountsRequest, ListServiceAccountsResponse, RevokeApiKeyRequest,
        RevokeApiKeyResponse, RotateApiKeyRequest, RotateApiKeyResponse, ServiceAccount, Tenant,
        UpdateServiceAccountRequest, UpdateServiceAccountResponse, User,
        service_account_service_server::ServiceAccountService,
    },
};
use rpc::{Because as _, Caller, Error, Reply};
use sqlx::PgConnection;
use tonic::Request;

use crate::{Identity, authority, db, timestamp, users::names};

#[tonic::async_trait]
impl ServiceAccountService for Identity {
    async fn create_service_account(
        &self,
        request: Request<CreateServiceAccountRequest>,
    ) -> Reply<CreateServiceAccountResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn get_service_account(
        &self,
        request: Request<GetServiceAccountRequest>,
    ) -> Reply<GetServiceAccountResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, &ask).await)
    }

    async fn list_service_accounts(
        &self,
        request: Request<ListServiceAccountsRequest>,
    ) -> Reply<ListServiceAccountsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, &ask).await)
    }

    async fn update_service_account(
        &self,
        request: Request<UpdateServiceAccountRequest>,
    ) -> Reply<UpdateServiceAccountResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(update::run(self, &caller, ask).await)
    }

    async fn disable_service_account(
        &self,
        request: Request<DisableServiceAccountRequest>,
    ) -> Reply<DisableServiceAccountResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(disable::run(self, &caller, ask).await)
    }

    async fn enable_service_account(
        &self,
        request: Request<EnableServiceAccountRequest>,
    ) -> Reply<EnableServiceAccountResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(enable::run(self, &caller, ask).await)
    }

    async fn delete_service_account(
        &self,
        request: Request<DeleteServiceAccountRequest>,
    ) -> Reply<DeleteServiceAccountResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(delete::run(self, &caller, ask).await)
    }

    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Reply<CreateApiKeyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create_key::run(self, &caller, ask).await)
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Reply<ListApiKeysResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list_keys::run(self, &caller, &ask).await)
    }

    async fn rotate_api_key(
        &self,
        request: Request<RotateApiKeyRequest>,
    ) -> Reply<RotateApiKeyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(rotate_key::run(self, &caller, ask).await)
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Reply<RevokeApiKeyResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(revoke_key::run(self, &caller, ask).await)
    }
}

/// Refuses where the service account may do more than the caller.
async fn may_change(
    app: &Identity,
    caller: &Caller,
    account: Id<ServiceAccount>,
) -> Result<(), Error> {
    authority::may_change(app, caller, subject(account)).await
}

/// A service account as roles know it.
pub fn subject(account: Id<ServiceAccount>) -> Id<User> {
    Id::from_uuid(account.uuid())
}

/// The service account as it is now, or `SERVICE_ACCOUNT_NOT_FOUND`.
async fn read(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    id: Id<ServiceAccount>,
) -> Result<ServiceAccount, Error> {
    let row = db::service_accounts::get(db, tenant, id).await?;
    Ok(row.ok_or_else(not_found)?.into())
}

/// A name as it is kept, and what it is compared by.
fn name(given: &str) -> Result<(String, String), Error> {
    let name = names::clean(given);
    if name.is_empty() {
        return Err(Error::field("name", "must not be blank"));
    }
    let key = names::key(&name);
    Ok((name, key))
}

fn not_found() -> Error {
    ErrorReason::ServiceAccountNotFound.because("there is no such service account in this tenant")
}

fn key_not_found() -> Error {
    ErrorReason::ApiKeyNotFound.because("there is no such API key in this tenant")
}

fn name_taken() -> Error {
    ErrorReason::ServiceAccountNameTaken.because("another service account has this name")
}

impl From<db::service_accounts::Row> for ServiceAccount {
    fn from(row: db::service_accounts::Row) -> ServiceAccount {
        ServiceAccount {
            id: row.id.to_string(),
            tenant_id: row.tenant_id.to_string(),
            name: row.name,
            description: row.description,
            disabled: row.disable_time.is_some(),
            last_use_time: row.last_use_time.map(timestamp),
            create_time: Some(timestamp(row.create_time)),
            update_time: Some(timestamp(row.update_time)),
            etag: row.version.to_string(),
        }
    }
}

impl From<db::api_keys::Row> for ApiKey {
    fn from(row: db::api_keys::Row) -> ApiKey {
        ApiKey {
            id: row.id.to_string(),
            service_account_id: row.service_account_id.to_string(),
            display_name: row.display_name,
            prefix: row.prefix,
            create_time: Some(timestamp(row.create_time)),
            expire_time: row.expire_time.map(timestamp),
            last_use_time: row.last_use_time.map(timestamp),
        }
    }
}
