//! Signing people in, and bringing them in.

use anyhow::{Context, Result, bail};
use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, LoginFlow, LoginRequest, LoginStep, NewSession,
    VerifyTotpRequest, confirm_totp_response, login_response,
    login_service_client::LoginServiceClient, verify_totp_response,
};
use contract::invitation::{
    AcceptInvitationRequest, invitation_service_client::InvitationServiceClient,
};
use testkit::{Authenticator, Client};

/// A password that meets every rule, different for each call.
#[must_use]
pub fn password() -> String {
    format!("correct-horse-{}", uuid::Uuid::new_v4().simple())
}

/// A person who finished their set-up.
pub struct Setup {
    /// The user.
    pub user_id: String,
    /// What they log in with.
    pub password: String,
    /// Their authenticator, where one was asked for.
    pub authenticator: Option<Authenticator>,
    /// The session they got on the way, where there was a second factor to
    /// enrol.
    pub session_token: Option<String>,
}

/// A signed-in person.
#[derive(Clone)]
pub struct Member {
    /// The user.
    pub user_id: String,
    /// The session's token.
    pub session_token: String,
    /// Calls as this person.
    pub client: Client,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the user {}", self.user_id)
    }
}

/// Follows an invitation's link to its end: password, and a second factor
/// where the tenant wants one.
pub async fn accept(anyone: &Client, token: &str) -> Result<Setup> {
    let password = password();
    let ask = AcceptInvitationRequest {
        token: token.to_owned(),
        password: password.clone(),
        ..Default::default()
    };
    let accepted = InvitationServiceClient::new(anyone.clone())
        .accept_invitation(ask)
        .await?
        .into_inner();
    let mut setup = Setup {
        user_id: accepted.user_id,
        password,
        authenticator: None,
        session_token: None,
    };
    if let Some(flow) = accepted.flow {
        let (authenticator, session) = enrol(anyone, &flow).await?;
        setup.authenticator = Some(authenticator);
        setup.session_token = Some(session.session_token);
    }
    Ok(setup)
}

async fn enrol(anyone: &Client, flow: &LoginFlow) -> Result<(Authenticator, NewSession)> {
    let mut login = LoginServiceClient::new(anyone.clone());
    let flow_token = flow.flow_token.clone();
    let enrolled = login
        .enrol_totp(EnrolTotpRequest {
            flow_token: flow_token.clone(),
        })
        .await?
        .into_inner();
    let authenticator = Authenticator::scan(&enrolled.otpauth_uri);
    let code = authenticator.code(0);
    let confirmed = login
        .confirm_totp(ConfirmTotpRequest { flow_token, code })
        .await?
        .into_inner();
    match confirmed.outcome {
        Some(confirm_totp_response::Outcome::Session(session)) => Ok((authenticator, session)),
        other => bail!("the first code should be enough to log in, but: {other:?}"),
    }
}

/// Logs in with a password alone.
pub async fn sign_in(
    anyone: &Client,
    tenant: &str,
    username: &str,
    password: &str,
) -> Result<Member> {
    match login(anyone, tenant, username, password).await? {
        login_response::Outcome::Session(session) => member(anyone, session),
        login_response::Outcome::Flow(flow) => {
            bail!("a password should be enough, but: {:?}", flow.next_steps)
        }
    }
}

/// Logs in with a password and the code that the phone shows `steps` periods
/// from now.
pub async fn sign_in_with_code(
    anyone: &Client,
    (tenant, username): (&str, &str),
    setup: &Setup,
    steps: i64,
) -> Result<Member> {
    let login_response::Outcome::Flow(flow) =
        login(anyone, tenant, username, &setup.password).await?
    else {
        bail!("a password alone was enough");
    };
    if !flow.next_steps().any(|step| step == LoginStep::VerifyTotp) {
        bail!("the flow wants {:?}", flow.next_steps);
    }
    let authenticator = setup
        .authenticator
        .as_ref()
        .context("no authenticator was enrolled")?;
    let ask = VerifyTotpRequest {
        flow_token: flow.flow_token,
        code: authenticator.code(steps),
    };
    let verified = LoginServiceClient::new(anyone.clone())
        .verify_totp(ask)
        .await?
        .into_inner();
    match verified.outcome {
        Some(verify_totp_response::Outcome::Session(session)) => member(anyone, session),
        other => bail!("password and code should be enough, but: {other:?}"),
    }
}

async fn login(
    anyone: &Client,
    tenant: &str,
    username: &str,
    password: &str,
) -> Result<login_response::Outcome> {
    let ask = LoginRequest {
        tenant: tenant.to_owned(),
        username: username.to_owned(),
        password: password.to_owned(),
        ..Default::default()
    };
    let reply = LoginServiceClient::new(anyone.clone())
        .login(ask)
        .await?
        .into_inner();
    reply.outcome.context("the login answered nothing")
}

fn member(anyone: &Client, session: NewSession) -> Result<Member> {
    let client = anyone.signed_in(&session.session_token);
    let user_id = session
        .session
        .context("a new session without the session")?
        .user_id;
    Ok(Member {
        user_id,
        session_token: session.session_token,
        client,
    })
}
