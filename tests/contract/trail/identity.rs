//! Changes in identity, and attempts to log in.

mod bulk;
mod domains;
mod factors;
mod passwords;
mod properties;
mod service_accounts;
mod sessions;

use contract::authorization::RoleSet;
use contract::identity::{
    ConfirmTotpRequest, CreateTenantRequest, CreateUserRequest, DeleteUserRequest,
    DisableUserRequest, EnableUserRequest, EnrolTotpRequest, LockUserRequest, LoginRequest,
    MfaPolicy, PasswordPolicy, Policy, RequestPasswordResetRequest, ResetPasswordRequest,
    UnlockUserRequest, UpdatePolicyRequest, UpdateTenantRequest, UpdateUserRequest, UserFields,
    VerifyTotpRequest, login_response, login_service_client::LoginServiceClient,
    policy_service_client::PolicyServiceClient, tenant_service_client::TenantServiceClient,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;
use testkit::{Authenticator, Client, until};
use usher_tests::{password, token_mailed_to};

use super::{Told, call, leaves, leaves_nothing, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let (room, call) = method.split_once('.')?;
    match room {
        "LoginService" if call == "ChangeExpiredPassword" => passwords::tell(stage, method).await,
        "LoginService" if call.contains("Sms") || call.contains("RecoveryCode") => {
            factors::tell(stage, method).await
        }
        "FactorService" => factors::tell(stage, method).await,
        "TenantService" | "PolicyService" => tenants(stage, method).await,
        "UserService" => users(stage, method).await,
        "LoginService" => logins(stage, method).await,
        "BulkService" => bulk::tell(stage, method).await,
        "DomainService" => domains::tell(stage, method).await,
        "PasswordService" => passwords::tell(stage, method).await,
        "PropertyService" => properties::tell(stage, method).await,
        "SessionService" | "TokenService" | "DeviceService" => sessions::tell(stage, method).await,
        "ServiceAccountService" => service_accounts::tell(stage, method).await,
        _ => None,
    }
}

async fn tenants(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let (admin, operator) = (stage.admin(), &stage.suite.operator().client);
    match method {
        "TenantService.Bootstrap" => Some(Told {
            request: Some(bootstrapping(stage).await),
            records: vec![
                "grants_reserved",
                "grants_activated",
                "tenant_created",
                "user_created",
            ],
        }),
        "TenantService.CreateTenant" => {
            let ask = CreateTenantRequest {
                name: format!("t{}", stage.number),
                display_name: "Another".into(),
                role_set: RoleSet::Standard.into(),
                mfa_policy: MfaPolicy::Optional.into(),
                ..Default::default()
            };
            // The row of the tenant is the log of what is left to do.
            let call = call!(TenantServiceClient.create_tenant(ask));
            stage.step(operator, call).await;
            // Its roles are made by a request of identity's own.
            leaves(&["tenant_created"])
        }
        "TenantService.UpdateTenant" => {
            let ask = UpdateTenantRequest {
                display_name: Some(format!("Trail {}", stage.number)),
                ..Default::default()
            };
            let call = call!(TenantServiceClient.update_tenant(ask));
            stage.change(admin, call).await;
            leaves(&["tenant_updated"])
        }
        "PolicyService.UpdatePolicy" => {
            let password = PasswordPolicy {
                min_length: 9,
                ..Default::default()
            };
            let ask = UpdatePolicyRequest {
                policy: Some(Policy {
                    password: Some(password),
                    ..Default::default()
                }),
                update_mask: Some(FieldMask {
                    paths: vec!["password.min_length".into()],
                }),
                ..Default::default()
            };
            let call = call!(PolicyServiceClient.update_policy(ask));
            stage.change(admin, call).await;
            leaves(&["policy_updated"])
        }
        _ => None,
    }
}

async fn users(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let admin = stage.admin();
    let user = || async { stage.company.user(&stage.email("user"), &password()).await };
    match method {
        "UserService.CreateUser" => {
            let ask = CreateUserRequest {
                first_name: "Ute".into(),
                last_name: "User".into(),
                email: stage.email("created"),
                password: password(),
                ..Default::default()
            };
            let call = call!(UserServiceClient.create_user(ask));
            stage.change(admin, call).await;
            leaves(&["user_created"])
        }
        "UserService.UpdateUser" => {
            let ask = UpdateUserRequest {
                user_id: user().await,
                user: Some(UserFields {
                    last_name: "Another".into(),
                    ..Default::default()
                }),
                update_mask: Some(FieldMask {
                    paths: vec!["last_name".into()],
                }),
                ..Default::default()
            };
            let call = call!(UserServiceClient.update_user(ask));
            stage.change(admin, call).await;
            leaves(&["user_updated"])
        }
        "UserService.DisableUser" => {
            disable(stage, &user().await).await;
            leaves(&["user_disabled", "user_suspended"])
        }
        "UserService.EnableUser" => {
            let user_id = user().await;
            disable(&stage.before(), &user_id).await;
            stage.suite.settled().await;
            let ask = EnableUserRequest {
                user_id,
                ..Default::default()
            };
            let call = call!(UserServiceClient.enable_user(ask));
            stage.change(admin, call).await;
            leaves(&["user_enabled", "user_resumed"])
        }
        "UserService.UnlockUser" => {
            let user_id = user().await;
            for _ in 0..12 {
                let ask = login(stage, "a wrong password");
                let mut logins = LoginServiceClient::new(stage.suite.anyone());
                let _ = logins.login(ask).await;
            }
            let ask = UnlockUserRequest {
                user_id,
                ..Default::default()
            };
            let call = call!(UserServiceClient.unlock_user(ask));
            stage.change(admin, call).await;
            leaves(&["user_unlocked"])
        }
        "UserService.LockUser" => {
            let ask = LockUserRequest {
                user_id: user().await,
                ..Default::default()
            };
            let call = call!(UserServiceClient.lock_user(ask));
            stage.change(admin, call).await;
            leaves(&["user_locked"])
        }
        "UserService.DeleteUser" => {
            let ask = DeleteUserRequest {
                user_id: user().await,
                ..Default::default()
            };
            stage.suite.settled().await;
            let call = call!(UserServiceClient.delete_user(ask));
            stage.change(admin, call).await;
            // Each of the three other services says that it forgot the user.
            leaves(&["user_deleted", "user_erased", "user_erased", "user_erased"])
        }
        _ => None,
    }
}

async fn logins(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let anyone = stage.suite.anyone();
    let secret = password();
    stage.company.user(&stage.email("user"), &secret).await;
    match method {
        "LoginService.Login" => {
            let wrong = login(stage, "a wrong password");
            let mut logins = LoginServiceClient::new(stage.counts(&anyone));
            logins.login(wrong).await.expect_err("a wrong password");
            let ask = login(stage, &secret);
            let call = call!(LoginServiceClient.login(ask));
            stage.change(&anyone, call).await;
            leaves(&["login_failed", "login_succeeded"])
        }
        "LoginService.EnrolTotp" => {
            let flow_token = flow(stage, &secret, true).await;
            let ask = EnrolTotpRequest { flow_token };
            stage
                .step(&anyone, call!(LoginServiceClient.enrol_totp(ask)))
                .await;
            leaves_nothing("the flow remembers a secret, which counts once it is confirmed")
        }
        "LoginService.ConfirmTotp" => {
            enrol(stage, &secret).await;
            leaves(&["login_succeeded", "totp_enrolled"])
        }
        "LoginService.VerifyTotp" => {
            let phone = enrol(&stage.before(), &secret).await;
            let flow_token = flow(stage, &secret, false).await;
            let ask = VerifyTotpRequest {
                flow_token,
                code: phone.code(1),
            };
            let wrong = VerifyTotpRequest {
                code: "000000".into(),
                ..ask.clone()
            };
            let mut logins = LoginServiceClient::new(stage.counts(&anyone));
            logins.verify_totp(wrong).await.expect_err("a wrong code");
            stage
                .change(&anyone, call!(LoginServiceClient.verify_totp(ask)))
                .await;
            leaves(&["login_failed", "login_succeeded"])
        }
        "LoginService.RequestPasswordReset" => {
            ask_for_reset(stage).await;
            leaves(&["password_reset_requested"])
        }
        "LoginService.ResetPassword" => {
            ask_for_reset(&stage.before()).await;
            let ask = ResetPasswordRequest {
                token: token_mailed_to(&stage.suite.mails(), &stage.email("user")).await,
                password: password(),
            };
            stage
                .change(&anyone, call!(LoginServiceClient.reset_password(ask)))
                .await;
            leaves(&["password_changed"])
        }
        _ => None,
    }
}

fn login(stage: &Stage<'_>, password: &str) -> LoginRequest {
    LoginRequest {
        tenant: stage.company.name.clone(),
        username: stage.email("user"),
        password: password.into(),
        ..Default::default()
    }
}

async fn disable(stage: &Stage<'_>, user_id: &str) {
    let ask = DisableUserRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    stage.suite.settled().await;
    stage
        .change(stage.admin(), call!(UserServiceClient.disable_user(ask)))
        .await;
}

/// A flow that waits for a second factor, or for enrolling one.
async fn flow(stage: &Stage<'_>, password: &str, enrol_totp: bool) -> String {
    let ask = LoginRequest {
        enrol_totp,
        ..login(stage, password)
    };
    let mut logins = LoginServiceClient::new(stage.suite.anyone());
    let reply = logins.login(ask).await.expect("a flow").into_inner();
    match reply.outcome {
        Some(login_response::Outcome::Flow(flow)) => flow.flow_token,
        other => panic!("no flow: {other:?}"),
    }
}

async fn enrol(stage: &Stage<'_>, password: &str) -> Authenticator {
    let anyone: Client = stage.suite.anyone();
    let flow_token = flow(stage, password, true).await;
    let ask = EnrolTotpRequest {
        flow_token: flow_token.clone(),
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    let enrolled = logins.enrol_totp(ask).await.expect("a secret").into_inner();
    let phone = Authenticator::scan(&enrolled.otpauth_uri);
    let ask = ConfirmTotpRequest {
        flow_token,
        code: phone.code(0),
    };
    stage
        .change(&anyone, call!(LoginServiceClient.confirm_totp(ask)))
        .await;
    phone
}

/// Asks for a reset, which is made later, by a worker.
async fn ask_for_reset(stage: &Stage<'_>) {
    let ask = RequestPasswordResetRequest {
        tenant: stage.company.name.clone(),
        username: stage.email("user"),
    };
    let call = call!(LoginServiceClient.request_password_reset(ask));
    stage.step(&stage.suite.anyone(), call).await;
    token_mailed_to(&stage.suite.mails(), &stage.email("user")).await;
}

/// The request that made the installation, as its trail tells it.
async fn bootstrapping(stage: &Stage<'_>) -> String {
    let sql =
        "SELECT r.request_id FROM identity.audit_records r JOIN identity.tenants t USING (tenant_id)
               WHERE t.name = 'platform' AND r.action = 'tenant_created'";
    until("the first record", || async {
        let mut database = stage.suite.database().connect().await;
        let found = sqlx::query_scalar(sql).fetch_optional(&mut database).await;
        found.expect("the trail")
    })
    .await
}
