//! The people of a tenant and their life (requirements U-01 to U-16).
//!
//! Who may log in follows from the row of a user and from nothing else: see
//! the derived column `status`.

pub mod cells;
mod create;
pub mod delete;
pub mod disable;
pub mod email_change;
pub mod enable;
mod fields;
mod get;
pub mod list;
mod lock;
pub mod mail_counts;
pub mod names;
mod unlock;
mod update;

use contract::{
    Id,
    identity::{
        AuthenticationProvider, CreateUserRequest, CreateUserResponse, DeleteUserRequest,
        DeleteUserResponse, DisableUserRequest, DisableUserResponse, EnableUserRequest,
        EnableUserResponse, ErrorReason, GetUserRequest, GetUserResponse, ListUsersRequest,
        ListUsersResponse, LockUserRequest, LockUserResponse, Tenant, UnlockUserRequest,
        UnlockUserResponse, UpdateUserRequest, UpdateUserResponse, User, UserAlert, UserAlertKind,
        UserStatus, user_service_server::UserService,
    },
};
use rpc::{Because as _, Caller, Error, Reply};
use sqlx::PgConnection;
use tonic::Request;
use uuid::Uuid;

use crate::{Identity, db, properties::values, timestamp};
use names::Names;

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

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Reply<UpdateUserResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(update::run(self, &caller, ask).await)
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

/// What clears an alert.
const UNLOCK: &str = "usher.identity.v1.UserService/UnlockUser";
const RESET: &str = "usher.identity.v1.PasswordService/SendPasswordReset";

/// Refuses where there is no such user in the tenant.
pub fn not_found() -> Error {
    ErrorReason::UserNotFound.because("there is no such user in this tenant")
}

/// Refuses to shut a caller out of their own account.
pub fn not_oneself(caller: &Caller, id: Id<User>) -> Result<(), Error> {
    if caller.user == Some(id) {
        let why = "nobody disables or deletes their own account";
        return Err(ErrorReason::OwnAccount.because(why));
    }
    Ok(())
}

/// The user as they are now, or `USER_NOT_FOUND`.
pub async fn read(db: &mut PgConnection, tenant: Id<Tenant>, id: Id<User>) -> Result<User, Error> {
    let row = db::users::get(db, tenant, id)
        .await?
        .ok_or_else(not_found)?;
    Ok(row.into())
}

/// Refuses names that only seemed to be some.
fn not_blank(names: &Names) -> Result<(), Error> {
    if names.first_name.is_empty() {
        return Err(Error::field("first_name", "must not be blank"));
    }
    if names.last_name.is_empty() {
        return Err(Error::field("last_name", "must not be blank"));
    }
    Ok(())
}

/// The user in words for an event, which outlives them: without names and
/// addresses, and all else that tells who they are (requirement U-12).
pub fn nameless(user: User) -> User {
    User {
        first_name: String::new(),
        last_name: String::new(),
        username: String::new(),
        email: String::new(),
        phone: String::new(),
        avatar_uri: String::new(),
        active_directory_id: String::new(),
        properties: Vec::new(),
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
        let alert = |kind: UserAlertKind, since, clearing_method: &str| UserAlert {
            kind: kind.into(),
            start_time: Some(timestamp(since)),
            clearing_method: clearing_method.into(),
        };
        let locked = row
            .lock_time
            .map(|since| alert(UserAlertKind::LockedOut, since, UNLOCK));
        let expired = row
            .password_expire_time
            .filter(|_| row.password_expired)
            .map(|since| alert(UserAlertKind::PasswordExpired, since, RESET));
        User {
            id: row.id.to_string(),
            tenant_id: row.tenant_id.to_string(),
            first_name: row.first_name,
            last_name: row.last_name,
            username: row.username,
            email: row.email,
            status: status.into(),
            alerts: locked.into_iter().chain(expired).collect(),
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
            phone: row.phone,
            time_zone: row.time_zone,
            authentication_provider: AuthenticationProvider::Local.into(),
            active_directory_id: fields::text(row.active_directory_id),
            classification_level_id: fields::text(row.classification_level_id),
            properties: values::shown(row.properties.0),
            avatar_uri: row.avatar_uri,
            // A login is complete with all proofs that the tenant asks for.
            verified: row.setup_time.is_some() && row.last_login_time.is_some(),
            password_expire_time: row.password_expire_time.map(timestamp),
            role_ids: texts(&row.role_ids),
            licensed: row.licensed,
            group_ids: texts(&row.group_ids),
            project_ids: texts(&row.project_ids),
        }
    }
}

fn texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}
