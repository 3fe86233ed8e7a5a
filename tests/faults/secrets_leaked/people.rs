//! What people, their admins and other systems hand in and are handed out.

use contract::identity::{
    ChangeExpiredPasswordRequest, ConfirmTotpRequest, CreateUserRequest, EnrolTotpRequest,
    FactorPolicy, FinishSmsEnrolmentRequest, FirstPassword, LoginRequest, Policy,
    ReauthenticateRequest, ResendPasswordRequest, StartSmsEnrolmentRequest, UpdatePolicyRequest,
    UpdateUserRequest, UserFields, VerifyRecoveryCodeRequest,
    change_expired_password_response as changed, confirm_totp_response,
    factor_service_client::FactorServiceClient, login_response::Outcome,
    login_service_client::LoginServiceClient, password_service_client::PasswordServiceClient,
    policy_service_client::PolicyServiceClient, user_service_client::UserServiceClient,
    verify_recovery_code_response as verified,
};
use prost_types::FieldMask;
use testkit::{Authenticator, Client, until};
use usher_tests::{Mail, SmsProvider, World, password};

/// The tenant of the canaries.
pub const TENANT: &str = "canaries";
/// Known by its address as long as its users are, and to nobody else.
pub const FORMER: &str = "canary.former@canaries.example";
/// Where a copy of a temporary password goes.
pub const COPY: &str = "canary.copy@canaries.example";
/// A phone that takes codes.
pub const NUMBER: &str = "+4915198765432";
/// A phone that somebody may be called at.
pub const PHONE: &str = "+4930198765432";

/// What another system's hash ends with, until its user logs in.
pub const DIGEST: &str = "WnyhJNrhMmazCUxk3W+KJq457RNqILQktDTqyPaOJF4";

/// The rest of it, made by libargon2 of the password below.
const FOREIGN: &str = "$argon2id$v=19$m=4096,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$";
const FOREIGN_PASSWORD: &str = "correct horse battery staple";

type Canaries = Vec<(&'static str, String)>;

/// Secrets of all kinds, used once each.
pub async fn canaries(world: &World, operator: &Client, provider: &SmsProvider) -> Canaries {
    let anyone = world.anyone();
    let mut canaries = passwords(world, operator, &anyone).await;
    canaries.extend(factors(operator, &anyone).await);
    canaries.extend(by_sms(operator, &anyone, provider).await);
    canaries
}

fn person(email: &str) -> CreateUserRequest {
    CreateUserRequest {
        first_name: "Canary".into(),
        last_name: "Person".into(),
        email: email.into(),
        ..Default::default()
    }
}

async fn create(operator: &Client, ask: CreateUserRequest) -> String {
    let mut users = UserServiceClient::new(operator.clone());
    let made = users.create_user(ask).await.expect("a user").into_inner();
    made.user.expect("a user").id
}

async fn login(anyone: &Client, ask: LoginRequest) -> Outcome {
    let mut logins = LoginServiceClient::new(anyone.clone());
    let reply = logins.login(ask).await.expect("a login").into_inner();
    reply.outcome.expect("an outcome")
}

fn asking(username: &str, password: &str) -> LoginRequest {
    LoginRequest {
        tenant: TENANT.into(),
        username: username.into(),
        password: password.into(),
        ..Default::default()
    }
}

/// The newest of so many mails to an address.
async fn mail(world: &World, email: &str, count: usize) -> Mail {
    until("a mail", || async {
        let mut mails = world.mails().to(email).await.ok()?;
        (mails.len() == count).then(|| mails.remove(count - 1))
    })
    .await
}

/// The password in a mail: on a line of its own, set in by four blanks.
fn password_in(mail: &Mail) -> String {
    let line = mail.text.lines().find_map(|line| line.strip_prefix("    "));
    line.expect("a password").trim().to_owned()
}

/// First passwords in all ways, and one that is sent again to two addresses.
async fn passwords(world: &World, operator: &Client, anyone: &Client) -> Canaries {
    let generated = CreateUserRequest {
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..person("generated@canaries.example")
    };
    create(operator, generated).await;
    let first = password_in(&mail(world, "generated@canaries.example", 1).await);
    let Outcome::Flow(flow) = login(anyone, asking("generated@canaries.example", &first)).await
    else {
        panic!("a temporary password was enough");
    };
    let ask = ChangeExpiredPasswordRequest {
        flow_token: flow.flow_token.clone(),
        new_password: password(),
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    let reply = logins.change_expired_password(ask).await.expect("changed");
    let Some(changed::Outcome::Session(session)) = reply.into_inner().outcome else {
        panic!("a new password is not enough");
    };

    let specified = CreateUserRequest {
        first_password: FirstPassword::SpecifiedAndSent.into(),
        password: "specified-for-a-canary-1".into(),
        ..person("specified@canaries.example")
    };
    let id = create(operator, specified).await;
    mail(world, "specified@canaries.example", 1).await;
    let ask = ResendPasswordRequest {
        user_id: id,
        copy_email: COPY.into(),
        ..Default::default()
    };
    let mut again = PasswordServiceClient::new(operator.clone());
    again.resend_password(ask).await.expect("asked for");
    let second = password_in(&mail(world, "specified@canaries.example", 2).await);

    let hashed = CreateUserRequest {
        first_password: FirstPassword::Hashed.into(),
        password_hash: format!("{FOREIGN}{DIGEST}"),
        ..person("hashed@canaries.example")
    };
    create(operator, hashed).await;
    login(anyone, asking("hashed@canaries.example", FOREIGN_PASSWORD)).await;
    vec![
        ("a generated password", first),
        ("a generated password that was sent again", second),
        ("a specified password", "specified-for-a-canary-1".into()),
        ("a password that others hashed", FOREIGN_PASSWORD.into()),
        ("the flow of a change", flow.flow_token),
        ("the session of a change", session.session_token),
    ]
}

/// An authenticator on a trusted device, and the codes that stand in for it.
async fn factors(operator: &Client, anyone: &Client) -> Canaries {
    let secret = password();
    let ask = CreateUserRequest {
        phone: PHONE.into(),
        password: secret.clone(),
        ..person(FORMER)
    };
    let id = create(operator, ask).await;
    let ask = LoginRequest {
        enrol_totp: true,
        trust_device: true,
        device_name: "A canary's laptop".into(),
        ..asking(FORMER, &secret)
    };
    let Outcome::Flow(flow) = login(anyone, ask).await else {
        panic!("no flow to enrol in");
    };
    let mut logins = LoginServiceClient::new(anyone.clone());
    let flow_token = flow.flow_token.clone();
    let reply = logins.enrol_totp(EnrolTotpRequest { flow_token }).await;
    let enrolled = reply.expect("a secret").into_inner();
    let ask = ConfirmTotpRequest {
        flow_token: flow.flow_token.clone(),
        code: Authenticator::scan(&enrolled.otpauth_uri).code(0),
    };
    let confirmed = logins
        .confirm_totp(ask)
        .await
        .expect("enrolled")
        .into_inner();
    let Some(confirm_totp_response::Outcome::Session(session)) = confirmed.outcome else {
        panic!("a code is not enough");
    };
    let Outcome::Flow(flow) = login(anyone, asking(FORMER, &secret)).await else {
        panic!("a password alone was enough");
    };
    let ask = VerifyRecoveryCodeRequest {
        flow_token: flow.flow_token.clone(),
        recovery_code: confirmed.recovery_codes[0].clone(),
    };
    let reply = logins.verify_recovery_code(ask).await.expect("a login");
    let Some(verified::Outcome::Session(second)) = reply.into_inner().outcome else {
        panic!("a recovery code is not enough");
    };
    rename(operator, &id).await;
    let mut canaries = vec![
        ("an authenticator's secret", enrolled.secret),
        ("a device's token", session.device_token),
        ("a session token", session.session_token),
        ("a session token", second.session_token),
        ("a flow token", flow.flow_token),
    ];
    let codes = confirmed.recovery_codes.into_iter();
    canaries.extend(codes.map(|code| ("a recovery code", code)));
    canaries
}

/// The former address is told of, and then known to nobody.
async fn rename(operator: &Client, id: &str) {
    let ask = UpdateUserRequest {
        user_id: id.into(),
        user: Some(UserFields {
            email: "now@canaries.example".into(),
            username: "now@canaries.example".into(),
            ..Default::default()
        }),
        update_mask: Some(mask(&["email", "username"])),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(operator.clone());
    users.update_user(ask).await.expect("another address");
}

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    }
}

/// A message to a phone, and the code in it.
async fn by_sms(operator: &Client, anyone: &Client, provider: &SmsProvider) -> Canaries {
    let ask = UpdatePolicyRequest {
        policy: Some(Policy {
            factor: Some(FactorPolicy {
                sms_allowed: true,
                ..Default::default()
            }),
            ..Default::default()
        }),
        update_mask: Some(mask(&["factor.sms_allowed"])),
        ..Default::default()
    };
    let mut policies = PolicyServiceClient::new(operator.clone());
    policies.update_policy(ask).await.expect("a policy");
    let secret = password();
    let ask = CreateUserRequest {
        password: secret.clone(),
        ..person("mobile@canaries.example")
    };
    create(operator, ask).await;
    let Outcome::Session(session) = login(anyone, asking("mobile@canaries.example", &secret)).await
    else {
        panic!("a password should be enough");
    };
    let mut factors = FactorServiceClient::new(anyone.signed_in(&session.session_token));
    let ask = ReauthenticateRequest {
        password: secret,
        second: None,
    };
    factors.reauthenticate(ask).await.expect("fresh");
    let ask = StartSmsEnrolmentRequest {
        number: NUMBER.into(),
        ..Default::default()
    };
    factors.start_sms_enrolment(ask).await.expect("a code");
    let sent = provider.taken(1).await;
    let ask = FinishSmsEnrolmentRequest {
        code: sent.code(),
        ..Default::default()
    };
    factors.finish_sms_enrolment(ask).await.expect("enrolled");
    vec![
        ("a message to a phone", sent.text),
        ("the key of the provider", sent.authorization),
    ]
}
