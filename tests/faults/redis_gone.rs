//! B-61: Redis is flushed, then killed, with calls coming in all the while.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use contract::authorization::{
    CheckRequest, CreateRoleBindingRequest, access_service_client::AccessServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{
    ConfirmTotpRequest, CreateUserRequest, DisableUserRequest, EnrolTotpRequest, LoginRequest,
    RequestPasswordResetRequest, ResetPasswordRequest, ValidateSessionRequest, VerifyTotpRequest,
    login_response, login_service_client::LoginServiceClient,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use testkit::{Authenticator, Client, eventually, refusal};
use tonic::Status;
use usher_tests::{Member, World, password, roles, sign_in, token_mailed_to};

use crate::redis::Redis;

/// The tenant of the story.
const TENANT: &str = "redis";

/// A tenant and its operator.
struct Story<'a> {
    world: &'a World,
    operator: Client,
    viewer: String,
}

impl Story<'_> {
    async fn user(&self, name: &str, password: &str) -> String {
        let ask = CreateUserRequest {
            first_name: name.into(),
            last_name: "Person".into(),
            email: email(name),
            password: password.into(),
            ..Default::default()
        };
        let reply = UserServiceClient::new(self.operator.clone())
            .create_user(ask)
            .await
            .expect("a user");
        reply.into_inner().user.expect("a user").id
    }

    async fn login(
        &self,
        name: &str,
        password: &str,
        enrol_totp: bool,
    ) -> Result<login_response::Outcome, Status> {
        let ask = LoginRequest {
            tenant: TENANT.into(),
            username: email(name),
            password: password.into(),
            enrol_totp,
            ..Default::default()
        };
        let reply = LoginServiceClient::new(self.world.anyone())
            .login(ask)
            .await?;
        Ok(reply.into_inner().outcome.expect("an outcome"))
    }

    async fn flow(&self, name: &str, password: &str, enrol_totp: bool) -> String {
        match self
            .login(name, password, enrol_totp)
            .await
            .expect("a flow")
        {
            login_response::Outcome::Flow(flow) => flow.flow_token,
            login_response::Outcome::Session(_) => panic!("a password alone was enough"),
        }
    }

    async fn may_view(&self, user_id: &str, revision: &str) -> bool {
        let ask = CheckRequest {
            user_id: user_id.into(),
            permission: "projects.view".into(),
            at_least_revision: revision.into(),
            ..Default::default()
        };
        let decision = AccessServiceClient::new(self.operator.clone())
            .check(ask)
            .await;
        decision.expect("a decision").into_inner().allowed
    }

    async fn validate(&self, session_token: &str) -> Result<(), Status> {
        let ask = ValidateSessionRequest {
            session_token: session_token.into(),
        };
        let mut sessions = SessionServiceClient::new(self.world.anyone());
        sessions.validate_session(ask).await.map(drop)
    }

    /// A person who is let in and shut out again, whatever has become of Redis.
    async fn life(&self, name: &str) {
        let secret = password();
        let user_id = self.user(name, &secret).await;
        let ask = CreateRoleBindingRequest {
            user_id: user_id.clone(),
            role_id: self.viewer.clone(),
            ..Default::default()
        };
        let bound = RoleBindingServiceClient::new(self.operator.clone())
            .create_role_binding(ask)
            .await
            .expect("a role");
        let revision = bound.into_inner().revision;
        let person = sign_in(&self.world.anyone(), TENANT, &email(name), &secret)
            .await
            .expect("a login");
        self.validate(&person.session_token)
            .await
            .expect("a session");
        assert!(self.may_view(&user_id, &revision).await, "failed closed");
        let ask = DisableUserRequest {
            user_id: user_id.clone(),
            ..Default::default()
        };
        UserServiceClient::new(self.operator.clone())
            .disable_user(ask)
            .await
            .expect("disabled");
        self.validate(&person.session_token)
            .await
            .expect_err("a session of a disabled user");
        // The event reaches authorization through Postgres where Redis is away.
        eventually("access to end", || async {
            !self.may_view(&user_id, "").await
        })
        .await;
    }
}

fn email(name: &str) -> String {
    format!("{name}@redis.example")
}

/// What was so before Redis forgot: it must be so after.
struct Before {
    session: Member,
    locked: String,
    reset_token: String,
    mia: String,
    code: String,
}

impl Before {
    async fn make(story: &Story<'_>) -> Self {
        let secret = password();
        story.user("session", &secret).await;
        let session = sign_in(&story.world.anyone(), TENANT, &email("session"), &secret)
            .await
            .expect("a login");

        let locked = password();
        story.user("locked", &locked).await;
        for _ in 0..10 {
            let wrong = story.login("locked", "a wrong password", false).await;
            wrong.expect_err("a wrong password");
        }

        let mia = password();
        story.user("mia", &mia).await;
        let code = enrol(story, &mia).await;

        story.user("reset", &password()).await;
        let ask = RequestPasswordResetRequest {
            tenant: TENANT.into(),
            username: email("reset"),
        };
        let mut logins = LoginServiceClient::new(story.world.anyone());
        logins.request_password_reset(ask).await.expect("a mail");
        let reset_token = token_mailed_to(&story.world.mails(), &email("reset")).await;
        reset(story, &reset_token).await.expect("a new password");
        Self {
            session,
            locked,
            reset_token,
            mia,
            code,
        }
    }

    async fn still_holds(&self, story: &Story<'_>) {
        story
            .validate(&self.session.session_token)
            .await
            .expect("the session");
        let status = story
            .login("locked", &self.locked, false)
            .await
            .expect_err("a locked account");
        assert_eq!(refusal(&status).reason, "CREDENTIALS_WRONG", "{status:?}");
        reset(story, &self.reset_token)
            .await
            .expect_err("a link that was used");
        let ask = VerifyTotpRequest {
            flow_token: story.flow("mia", &self.mia, false).await,
            code: self.code.clone(),
        };
        let status = LoginServiceClient::new(story.world.anyone())
            .verify_totp(ask)
            .await
            .expect_err("a code that was used");
        assert_eq!(refusal(&status).reason, "CODE_WRONG", "{status:?}");
    }
}

/// Enrols an authenticator; answers the code that was used for it.
async fn enrol(story: &Story<'_>, password: &str) -> String {
    let flow_token = story.flow("mia", password, true).await;
    let mut logins = LoginServiceClient::new(story.world.anyone());
    let ask = EnrolTotpRequest {
        flow_token: flow_token.clone(),
    };
    let enrolled = logins.enrol_totp(ask).await.expect("a secret").into_inner();
    let code = Authenticator::scan(&enrolled.otpauth_uri).code(0);
    let ask = ConfirmTotpRequest {
        flow_token,
        code: code.clone(),
    };
    logins.confirm_totp(ask).await.expect("enrolled");
    code
}

async fn reset(story: &Story<'_>, token: &str) -> Result<(), Status> {
    let ask = ResetPasswordRequest {
        token: token.into(),
        password: password(),
    };
    let mut logins = LoginServiceClient::new(story.world.anyone());
    logins.reset_password(ask).await.map(drop)
}

/// Asks about a session until told to stop; answers how often that went wrong.
async fn ask_all_the_while(world: &World, session_token: String, stop: &AtomicBool) -> (u32, u32) {
    let mut sessions = SessionServiceClient::new(world.anyone());
    let (mut asked, mut refused) = (0, 0);
    while !stop.load(Relaxed) {
        let ask = ValidateSessionRequest {
            session_token: session_token.clone(),
        };
        asked += 1;
        refused += u32::from(sessions.validate_session(ask).await.is_err());
        tokio::task::yield_now().await;
    }
    (asked, refused)
}

#[tokio::test]
async fn b_61_redis_flushed_and_killed_loses_nothing_and_opens_nothing() {
    let mut redis = Redis::start();
    // Guessing at one account is part of the story, and all calls are of one
    // address.
    let flags = [
        "--attempts-per-minute",
        "100000",
        "--attempts-burst",
        "100000",
    ];
    let bounds = ["--rate-per-second", "1000000", "--rate-burst", "1000000"];
    let world = World::start(&redis.url(), &[flags, bounds].concat()).await;
    let operator = world.tenant(TENANT).await;
    let viewer = roles(&operator).await["analyst"].clone();
    let story = Story {
        world: &world,
        operator,
        viewer,
    };
    let before = Before::make(&story).await;
    let stop = Arc::new(AtomicBool::new(false));
    let token = before.session.session_token.clone();
    let load = ask_all_the_while(&world, token, &stop);
    let told = async {
        story.life("before").await;
        redis.flush().await;
        before.still_holds(&story).await;
        story.life("flushed").await;
        redis.kill();
        before.still_holds(&story).await;
        story.life("killed").await;
        redis.restart();
        before.still_holds(&story).await;
        story.life("back").await;
        stop.store(true, Relaxed);
    };
    let ((asked, refused), ()) = tokio::join!(load, told);
    assert!(asked > 100, "only {asked} calls came in meanwhile");
    assert_eq!(refused, 0, "of {asked} calls about a good session");
    drop(redis);
    world.end().await;
}
