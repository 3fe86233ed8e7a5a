//! Signs in and out.

use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, LoginFlow, LoginRequest, LoginStep, NewSession,
    RevokeSessionRequest, VerifyTotpRequest, confirm_totp_response, login_response,
    login_service_client::LoginServiceClient, session_service_client::SessionServiceClient,
    verify_totp_response,
};

use crate::{Session, client::Gateway, failure::Failure, password, print::time};

const AFTER: &str = "\
Examples:
  usherctl login acme ada@acme.example
  printf '%s' \"$PASSWORD\" | usherctl login platform ops@example.com";

/// The flags.
#[derive(clap::Args)]
#[command(after_help = AFTER)]
pub struct Login {
    /// The short name of the tenant; `platform` for operators
    tenant: String,
    /// The username
    username: String,
    /// The password; asked for, or read from stdin, where it is not given
    #[arg(long, env = "USHER_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// The code of the authenticator, where one is enrolled
    #[arg(long)]
    code: Option<String>,
    /// Enrol an authenticator, where the tenant leaves that to its users
    #[arg(long)]
    enrol_totp: bool,
    /// Skip the second factor in later logins from this machine, for as long as
    /// the tenant's policy says
    #[arg(long)]
    trust_device: bool,
}

/// What a proof was good for.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them, for a moment"
)]
enum Step {
    In(NewSession),
    More(LoginFlow),
}

impl Login {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = LoginServiceClient::new(session.client.anonymous());
        let password = match &self.password {
            Some(password) => password.clone(),
            None => password::ask("Password")?,
        };
        let ask = LoginRequest {
            tenant: self.tenant.clone(),
            username: self.username.clone(),
            password,
            enrol_totp: self.enrol_totp,
            device_token: session.credentials.device(&self.account())?,
            device_name: "usherctl".to_owned(),
            trust_device: self.trust_device,
        };
        let mut step = match client.login(ask).await?.into_inner().outcome {
            Some(login_response::Outcome::Session(new)) => Step::In(new),
            Some(login_response::Outcome::Flow(flow)) => Step::More(flow),
            None => return Err(unclear()),
        };
        loop {
            match step {
                Step::In(new) => return welcome(session, &new, &self.account()),
                Step::More(flow) => step = self.prove(session, &mut client, flow).await?,
            }
        }
    }

    async fn prove(
        &self,
        session: &Session,
        client: &mut LoginServiceClient<Gateway>,
        flow: LoginFlow,
    ) -> Result<Step, Failure> {
        let flow_token = flow.flow_token.clone();
        let steps: Vec<LoginStep> = flow.next_steps().collect();
        if steps.contains(&LoginStep::VerifyTotp) {
            let code = self.code()?;
            let reply = client
                .verify_totp(VerifyTotpRequest { flow_token, code })
                .await?
                .into_inner();
            return match reply.outcome {
                Some(verify_totp_response::Outcome::Session(new)) => Ok(Step::In(new)),
                Some(verify_totp_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
                None => Err(unclear()),
            };
        }
        if !steps.contains(&LoginStep::EnrolTotp) {
            return Err(unclear());
        }
        let secret = client
            .enrol_totp(EnrolTotpRequest {
                flow_token: flow_token.clone(),
            })
            .await?
            .into_inner();
        session.print.say(&format!(
            "a second factor is to be enrolled; add this to your authenticator:\n  secret {}\n  {}",
            secret.secret, secret.otpauth_uri
        ));
        let code = self.code()?;
        let reply = client
            .confirm_totp(ConfirmTotpRequest { flow_token, code })
            .await?
            .into_inner();
        match reply.outcome {
            Some(confirm_totp_response::Outcome::Session(new)) => Ok(Step::In(new)),
            Some(confirm_totp_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
            None => Err(unclear()),
        }
    }

    /// What tells the accounts of a gateway apart.
    fn account(&self) -> String {
        format!("{}/{}", self.tenant, self.username).to_lowercase()
    }

    fn code(&self) -> Result<String, Failure> {
        self.code.clone().map_or_else(|| password::ask("Code"), Ok)
    }
}

fn unclear() -> Failure {
    Failure::Fault(
        "the gateway wants something that this usherctl does not know; use a newer one".to_owned(),
    )
}

fn welcome(session: &Session, new: &NewSession, account: &str) -> Result<(), Failure> {
    session.credentials.keep(&new.session_token)?;
    if !new.device_token.is_empty() {
        session
            .credentials
            .keep_device(account, &new.device_token)?;
    }
    let made = new.session.clone().unwrap_or_default();
    let fields = [
        ("User ID", made.user_id.clone()),
        ("Tenant ID", made.tenant_id.clone()),
        ("Session ID", made.id.clone()),
        ("Ends", time(made.expire_time.as_ref())),
    ];
    // The session, not its token: that is in the file.
    session.print.one(&made, &fields)
}

/// Ends the session and forgets its token.
pub async fn logout(session: &Session) -> Result<(), Failure> {
    let mut client = SessionServiceClient::new(session.client.gateway());
    let ended = client.revoke_session(RevokeSessionRequest::default()).await;
    session.credentials.forget()?;
    match ended {
        Err(status) if status.code() != tonic::Code::Unauthenticated => Err(status.into()),
        _ => Ok(()),
    }
}
