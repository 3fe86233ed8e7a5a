//! Devices that users are known by, and those that they trust.

use std::time::Duration;

use contract::authorization::RoleSet;
use contract::identity::{
    ConfirmTotpRequest, Device, EnrolTotpRequest, FactorPolicy, ListDevicesRequest, LoginRequest,
    LoginStep, MfaPolicy, NewSession, Policy, RequestPasswordResetRequest, ResetFactorsRequest,
    ResetPasswordRequest, RevokeAllDevicesRequest, RevokeDeviceRequest, UpdatePolicyRequest,
    ValidateSessionRequest, VerifyTotpRequest, confirm_totp_response,
    device_service_client::DeviceServiceClient, factor_service_client::FactorServiceClient,
    login_response::Outcome, login_service_client::LoginServiceClient,
    policy_service_client::PolicyServiceClient, reauthenticate_request::Second,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
    verify_totp_response,
};
use prost_types::FieldMask;
use testkit::{Authenticator, Client, until};
use tonic::Status;
use usher_tests::{Company, Suite, password, suite::MANY_ATTEMPTS, token_mailed_to};

use crate::{
    assert_refused,
    factors::{enrol, reauthenticate},
    logins::login,
};

/// A machine from which a person of `acme` logs in, and which keeps its token.
pub struct Machine {
    client: Client,
    username: String,
    password: String,
    name: String,
    token: String,
}

impl Machine {
    /// A machine that nobody knows yet.
    pub fn of(client: &Client, username: &str, password: &str) -> Machine {
        Machine {
            client: client.clone(),
            username: username.into(),
            password: password.into(),
            name: "A laptop".into(),
            token: String::new(),
        }
    }

    /// Proves a password.
    pub async fn login(&mut self, password: &str) -> Result<Outcome, Status> {
        self.login_with(password, false).await
    }

    async fn login_with(&mut self, password: &str, trust_device: bool) -> Result<Outcome, Status> {
        let ask = LoginRequest {
            tenant: "acme".into(),
            username: self.username.clone(),
            password: password.into(),
            device_token: self.token.clone(),
            device_name: self.name.clone(),
            trust_device,
            ..Default::default()
        };
        let mut logins = LoginServiceClient::new(self.client.clone());
        let outcome = logins.login(ask).await?.into_inner().outcome;
        let outcome = outcome.expect("an outcome");
        if let Outcome::Session(new) = &outcome {
            self.keep(new);
        }
        Ok(outcome)
    }

    /// Logs in with the password alone.
    pub async fn sign_in(&mut self) -> Result<NewSession, Status> {
        match self.login(&self.password.clone()).await? {
            Outcome::Session(new) => Ok(new),
            Outcome::Flow(flow) => panic!("more is wanted: {:?}", flow.next_steps),
        }
    }

    /// The flow that a login with the password begins.
    async fn flow(&mut self, trust_device: bool, step: LoginStep) -> String {
        match self.login_with(&self.password.clone(), trust_device).await {
            Ok(Outcome::Flow(flow)) => {
                assert_eq!(flow.next_steps.first(), Some(&i32::from(step)));
                flow.flow_token
            }
            other => panic!("no flow: {other:?}"),
        }
    }

    /// Enrols an authenticator where the tenant leaves that to its users.
    pub async fn enrol_asked(&mut self) -> Authenticator {
        let ask = LoginRequest {
            tenant: "acme".into(),
            username: self.username.clone(),
            password: self.password.clone(),
            enrol_totp: true,
            ..Default::default()
        };
        let mut logins = LoginServiceClient::new(self.client.clone());
        let reply = logins.login(ask).await.expect("a flow").into_inner();
        let Some(Outcome::Flow(flow)) = reply.outcome else {
            panic!("no flow to enrol in");
        };
        self.confirm(flow.flow_token, 0).await
    }

    async fn enrol(&mut self, steps: i64) -> Authenticator {
        let flow_token = self.flow(false, LoginStep::EnrolTotp).await;
        self.confirm(flow_token, steps).await
    }

    async fn confirm(&mut self, flow_token: String, steps: i64) -> Authenticator {
        let mut logins = LoginServiceClient::new(self.client.clone());
        let ask = EnrolTotpRequest {
            flow_token: flow_token.clone(),
        };
        let enrolled = logins.enrol_totp(ask).await.expect("a secret").into_inner();
        let phone = Authenticator::scan(&enrolled.otpauth_uri);
        let code = phone.code(steps);
        let ask = ConfirmTotpRequest { flow_token, code };
        let reply = logins.confirm_totp(ask).await.expect("enrolled");
        let Some(confirm_totp_response::Outcome::Session(new)) = reply.into_inner().outcome else {
            panic!("no session after enrolling");
        };
        self.keep(&new);
        phone
    }

    /// Logs in with a code too.
    async fn verify(&mut self, phone: &Authenticator, steps: i64, trust: bool) -> NewSession {
        let flow_token = self.flow(trust, LoginStep::VerifyTotp).await;
        let code = phone.code(steps);
        let ask = VerifyTotpRequest { flow_token, code };
        let mut logins = LoginServiceClient::new(self.client.clone());
        let reply = logins.verify_totp(ask).await.expect("a right code");
        let Some(verify_totp_response::Outcome::Session(new)) = reply.into_inner().outcome else {
            panic!("no session after a code");
        };
        self.keep(&new);
        new
    }

    fn keep(&mut self, new: &NewSession) {
        if !new.device_token.is_empty() {
            self.token.clone_from(&new.device_token);
        }
    }
}

async fn devices(client: &Client, user_id: &str) -> Vec<Device> {
    let ask = ListDevicesRequest {
        user_id: user_id.into(),
        ..Default::default()
    };
    let mut devices = DeviceServiceClient::new(client.clone());
    let reply = devices.list_devices(ask).await.expect("devices");
    reply.into_inner().devices
}

async fn holds(anyone: &Client, session: &NewSession) -> bool {
    let ask = ValidateSessionRequest {
        session_token: session.session_token.clone(),
    };
    let mut sessions = SessionServiceClient::new(anyone.clone());
    sessions.validate_session(ask).await.is_ok()
}

/// The owner is let in while others keep the account locked; who does not have
/// the device is not.
#[tokio::test]
async fn b_03_the_owner_on_a_known_device_gets_in_during_an_attack() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut owner = Machine::of(&anyone, "dora@acme.example", &secret);
    owner.sign_in().await.expect("a first login");

    let attack = tokio::spawn({
        let anyone = anyone.clone();
        async move {
            loop {
                let guess = login(&anyone, "acme", "dora@acme.example", "a wrong password").await;
                assert!(guess.is_err(), "a wrong password was right");
            }
        }
    });
    until("the account to be locked", || async {
        let ask = contract::identity::GetUserRequest {
            user_id: user_id.clone(),
        };
        let mut users = UserServiceClient::new(acme.admin.client.clone());
        let user = users.get_user(ask).await.ok()?.into_inner().user?;
        (!user.alerts.is_empty()).then_some(())
    })
    .await;
    let (mut tries, mut passed) = (0, 0);
    while passed < 20 {
        match owner.sign_in().await {
            Ok(_) => passed += 1,
            // All threads hash: as any client, it comes back.
            Err(status) if testkit::refusal(&status).retry => {}
            Err(status) => panic!("the owner was refused: {status:?}"),
        }
        tries += 1;
        assert!(tries < 500, "only {passed} of {tries} logins of the owner");
    }
    let without = login(&anyone, "acme", "dora@acme.example", &secret).await;
    let reason = testkit::refusal(&without.expect_err("the account is locked")).reason;
    assert!(
        ["CREDENTIALS_WRONG", "TOO_MANY_LOGINS"].contains(&reason.as_str()),
        "{reason}"
    );
    attack.abort();
    suite.stop().await;
}

#[tokio::test]
async fn b_03_fifty_logins_at_once_from_a_known_device_all_pass() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    acme.user("dora@acme.example", &secret).await;
    let mut first = Machine::of(&anyone, "dora@acme.example", &secret);
    first.sign_in().await.expect("a first login");
    let logins = (0..50).map(|_| {
        let mut again = Machine::of(&anyone, "dora@acme.example", &secret);
        again.token.clone_from(&first.token);
        tokio::spawn(async move {
            loop {
                match again.sign_in().await {
                    Ok(_) => break,
                    Err(status) if testkit::refusal(&status).retry => {}
                    Err(status) => panic!("a valid login was refused: {status:?}"),
                }
            }
        })
    });
    for one in logins.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    suite.stop().await;
}

/// Also a stolen token is good for few guesses, in all.
#[tokio::test]
async fn b_03_a_device_has_few_guesses_and_is_forgotten_then() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut stolen = Machine::of(&anyone, "dora@acme.example", &secret);
    stolen.sign_in().await.expect("a first login");
    assert_eq!(devices(&acme.admin.client, &user_id).await.len(), 1);

    // Time does not give them back; only the owner does, by logging in.
    for _ in 0..4 {
        assert_refused!(stolen.login("wrong").await, "CREDENTIALS_WRONG");
        suite.time().advance(Duration::from_hours(1));
    }
    stolen.sign_in().await.expect("one is left");
    for _ in 0..4 {
        assert_refused!(stolen.login("wrong").await, "CREDENTIALS_WRONG");
    }
    assert_eq!(devices(&acme.admin.client, &user_id).await.len(), 1);
    assert_refused!(stolen.login("wrong").await, "CREDENTIALS_WRONG");
    assert_eq!(devices(&acme.admin.client, &user_id).await.len(), 0);

    // From here on its guesses are anybody's.
    for _ in 0..10 {
        assert_refused!(stolen.login("wrong").await, "CREDENTIALS_WRONG");
    }
    assert_refused!(stolen.login(&secret).await, "CREDENTIALS_WRONG");
    suite.stop().await;
}

/// Fifty guesses at once through one device, of which five are checked.
#[tokio::test]
async fn b_03_parallel_guesses_from_a_device_are_all_counted() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut stolen = Machine::of(&anyone, "dora@acme.example", &secret);
    stolen.sign_in().await.expect("a first login");
    let device_id = devices(&acme.admin.client, &user_id).await[0].id.clone();
    let guesses = (0..50).map(|_| {
        let mut machine = Machine::of(&anyone, "dora@acme.example", &secret);
        machine.token.clone_from(&stolen.token);
        tokio::spawn(async move { machine.login("wrong").await.is_err() })
    });
    for guess in guesses.collect::<Vec<_>>() {
        assert!(guess.await.unwrap(), "a wrong password was right");
    }
    let mut db = suite.database().connect().await;
    let sql = "SELECT failures FROM identity.attempts WHERE user_id = $1::uuid";
    let through: i32 = sqlx::query_scalar(sql)
        .bind(&device_id)
        .fetch_one(&mut db)
        .await
        .expect("a budget");
    assert_eq!(through, 5, "wrong answers that the device had");
    suite.stop().await;
}

async fn required(suite: &Suite) -> Company {
    suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Required)
        .await
}

#[tokio::test]
async fn m_05_a_trusted_device_skips_the_second_factor_for_a_while() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = required(&suite).await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "dora@acme.example", &secret);
    let phone = laptop.enrol(-1).await;

    // Known is not trusted, and asking is not enough without a second factor.
    laptop.flow(true, LoginStep::VerifyTotp).await;
    let new = laptop.verify(&phone, 0, true).await;
    assert_eq!(new.session.expect("a session").assurance_level, 2);
    let listed = devices(&acme.admin.client, &user_id).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, "A laptop");
    assert!(listed[0].trust_end_time.is_some(), "not trusted");

    let skipped = laptop.sign_in().await.expect("the password is enough");
    let session = skipped.session.clone().expect("a session");
    assert_eq!(session.assurance_level, 1, "what was not proven");
    assert_eq!(session.device_id, listed[0].id);
    assert_eq!(session.device_name, "A laptop");
    // Another machine, and the right password without the token, prove it.
    Machine::of(&anyone, "dora@acme.example", &secret)
        .flow(false, LoginStep::VerifyTotp)
        .await;

    suite.later(Duration::from_hours(30 * 24 + 1)).await;
    laptop.flow(false, LoginStep::VerifyTotp).await;
    suite.stop().await;
}

#[tokio::test]
async fn m_05_the_policy_says_for_how_long_a_device_is_trusted() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = required(&suite).await;
    let (anyone, secret) = (suite.anyone(), password());
    acme.user("dora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "dora@acme.example", &secret);
    let phone = laptop.enrol(-1).await;
    laptop.verify(&phone, 0, true).await;
    laptop.sign_in().await.expect("the password is enough");

    let ask = UpdatePolicyRequest {
        policy: Some(Policy {
            factor: Some(FactorPolicy::default()),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["factor.device_trust_duration".into()],
        }),
        ..Default::default()
    };
    let mut policies = PolicyServiceClient::new(acme.admin.client.clone());
    policies.update_policy(ask).await.expect("never");
    // At once, and asking changes nothing.
    laptop.verify(&phone, 1, true).await;
    laptop.flow(true, LoginStep::VerifyTotp).await;
    suite.stop().await;
}

#[tokio::test]
async fn m_05_a_new_password_ends_the_trust_in_all_devices() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = required(&suite).await;
    let (anyone, secret) = (suite.anyone(), password());
    acme.user("dora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "dora@acme.example", &secret);
    let phone = laptop.enrol(-1).await;
    laptop.verify(&phone, 0, true).await;
    laptop.sign_in().await.expect("the password is enough");

    let mut logins = LoginServiceClient::new(anyone.clone());
    let ask = RequestPasswordResetRequest {
        tenant: "acme".into(),
        username: "dora@acme.example".into(),
    };
    logins.request_password_reset(ask).await.expect("an answer");
    let ask = ResetPasswordRequest {
        token: token_mailed_to(&suite.mails(), "dora@acme.example").await,
        password: password(),
    };
    laptop.password.clone_from(&ask.password);
    logins.reset_password(ask).await.expect("a new password");
    laptop.flow(false, LoginStep::VerifyTotp).await;
    suite.stop().await;
}

/// Whoever changes them: trust was given for a factor that was proven.
#[tokio::test]
async fn m_05_another_factor_ends_the_trust_in_all_devices() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = required(&suite).await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "dora@acme.example", &secret);
    let phone = laptop.enrol(-1).await;
    let new = laptop.verify(&phone, 0, true).await;
    laptop.sign_in().await.expect("the password is enough");
    let own = anyone.signed_in(&new.session_token);
    let code = Second::TotpCode(phone.code(1));
    reauthenticate(&own, &secret, Some(code))
        .await
        .expect("fresh");
    let (phone, _) = enrol(&own, -1).await.expect("another phone");

    laptop.verify(&phone, 0, true).await;
    laptop.sign_in().await.expect("the password is enough");
    let ask = ResetFactorsRequest {
        user_id,
        ..Default::default()
    };
    let mut admin = FactorServiceClient::new(acme.admin.client.clone());
    admin.reset_factors(ask).await.expect("a reset");
    laptop.enrol(0).await;
    laptop.flow(false, LoginStep::VerifyTotp).await;
    suite.stop().await;
}

#[tokio::test]
async fn m_05_devices_are_listed_and_revoked() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "dora@acme.example", &secret);
    let mut phone = Machine::of(&anyone, "dora@acme.example", &secret);
    phone.name = "A phone".into();
    let on_laptop = laptop.sign_in().await.expect("a login");
    let on_phone = phone.sign_in().await.expect("a login");
    assert!(
        laptop
            .sign_in()
            .await
            .expect("a login")
            .device_token
            .is_empty()
    );

    let own = anyone.signed_in(&on_phone.session_token);
    let listed = devices(&own, "").await;
    let names: Vec<_> = listed.iter().map(|device| device.name.as_str()).collect();
    assert_eq!(names, ["A phone", "A laptop"], "newest first");
    assert_eq!(devices(&acme.admin.client, &user_id).await, listed);

    let lost = RevokeDeviceRequest {
        device_id: listed[1].id.clone(),
        ..Default::default()
    };
    let mut mine = DeviceServiceClient::new(own.clone());
    mine.revoke_device(lost.clone()).await.expect("forgotten");
    assert!(!holds(&anyone, &on_laptop).await, "its session goes on");
    assert!(holds(&anyone, &on_phone).await, "another ended");
    assert_refused!(mine.revoke_device(lost).await, "DEVICE_NOT_FOUND");
    let again = laptop.sign_in().await.expect("a login");
    assert!(!again.device_token.is_empty(), "it is known still");

    let all = RevokeAllDevicesRequest {
        user_id: user_id.clone(),
        ..Default::default()
    };
    let mut admin = DeviceServiceClient::new(acme.admin.client.clone());
    admin.revoke_all_devices(all).await.expect("all forgotten");
    assert!(devices(&acme.admin.client, &user_id).await.is_empty());
    assert!(!holds(&anyone, &on_phone).await, "a session goes on");
    suite.stop().await;
}

/// Who logs in without a token again and again leaves no more than so many, and
/// the one that comes back with its token stays.
#[tokio::test]
async fn m_05_a_user_is_known_by_no_more_than_eighteen_devices() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let (anyone, secret) = (suite.anyone(), password());
    let user_id = acme.user("dora@acme.example", &secret).await;
    let mut laptop = Machine::of(&anyone, "dora@acme.example", &secret);
    laptop.sign_in().await.expect("a login");
    laptop.sign_in().await.expect("a login with the token");
    for _ in 0..20 {
        let mut script = Machine::of(&anyone, "dora@acme.example", &secret);
        script.sign_in().await.expect("a login");
    }
    assert_eq!(devices(&acme.admin.client, &user_id).await.len(), 18);
    let known = laptop.sign_in().await.expect("a login");
    assert!(known.device_token.is_empty(), "it was forgotten");
    suite.stop().await;
}
