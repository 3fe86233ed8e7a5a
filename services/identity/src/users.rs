//! The people of a tenant and their life (requirements U-01 to U-16).
//!
//! Who may log in follows from the row of a user and from nothing else: see
//! the derived column `status`.

mod create;
mod delete;
mod disable;
mod enable;
mod get;
mod list;
mod lock;
pub mod names;
mod unlock;

use contract::{
    Id,
    identity::{
        CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse,
        DisableUserRequest, DisableUserResponse, EnableUserRequest, EnableUserResponse,
        ErrorReason, GetUserRequest, GetUserResponse, ListUsersRequest, ListUsersResponse,
        LockUserRequest, LockUserResponse, Tenant, UnlockUserRequest, UnlockUserResponse, User,
        UserAlert, UserAlertKind, UserStatus, user_service_server::UserService,
    },
};
use rpc::{Because as _, Error, Reply};
use sqlx::PgConnection;
use tonic::Request;

use crate::{Identity, db, timestamp};

#[tonic::async_trait]
impl UserService for Identity {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Reply<CreateUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Reply<GetUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Reply<ListUsersResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Reply<DisableUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(disable::run(self, &caller, ask).await)
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Reply<EnableUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(enable::run(self, &caller, ask).await)
    }

    async fn lock_user(&self, request: Request<LockUserRequest>) -> Reply<LockUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(lock::run(self, &caller, ask).await)
    }

    async fn unlock_user(&self, request: Request<UnlockUserRequest>) -> Reply<UnlockUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(unlock::run(self, &caller, ask).await)
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Reply<DeleteUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(delete::run(self, &caller, ask).await)
    }
}

/// Refuses where there is no such user in the tenant.
pub fn not_found() -> Error {
    ErrorReason::UserNotFound.because("there is no such user in this tenant")
}

/// The user as they are now, or `USER_NOT_FOUND`.
pub async fn read(db: &mut PgConnection, tenant: Id<Tenant>, id: Id<User>) -> Result<User, Error> {
    let row = db::users::get(db, tenant, id)
        .await?
        .ok_or_else(not_found)?;
    Ok(row.into())
}

/// The user in words for an event, which outlives them: without names and
/// address (requirement U-12).
pub fn nameless(user: User) -> User {
    User {
        first_name: String::new(),
        last_name: String::new(),
        username: String::new(),
        email: String::new(),
        ..user
    }
}

impl From<db::users::Row> for User {
    fn from(row: db::users::Row) -> User {
        let status = match row.status.as_str() {
            "INVITED" => UserStatus::Invited,
            "ACTIVE" => UserStatus::Active,
            _ => UserStatus::Inactive,
        };
        let locked = row.lock_time.map(|since| UserAlert {
            kind: UserAlertKind::LockedOut.into(),
            start_time: Some(timestamp(since)),
        });
        User {
            id: row.id.to_string(),
            tenant_id: row.tenant_id.to_string(),
            first_name: row.first_name,
            last_name: row.last_name,
            username: row.username,
            email: row.email,
            status: status.into(),
            alerts: locked.into_iter().collect(),
            last_login_time: row.last_login_time.map(timestamp),
            mfa_enabled: row.mfa_enabled,
            totp_enrolled: row.totp_enrolled,
            sms_enrolled: row.sms_enrolled,
            recovery_codes_left: row.recovery_codes_left.unsigned_abs(),
            mfa_required: row.mfa_required,
            language: row.language,
            create_time: Some(timestamp(row.create_time)),
            update_time: Some(timestamp(row.update_time)),
            etag: row.version.to_string(),
        }
    }
}
