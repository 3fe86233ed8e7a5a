//! Signs in and out.

use contract::identity::{
    ChangeExpiredPasswordRequest, ConfirmSmsRequest, ConfirmTotpRequest, EnrolSmsRequest,
    EnrolTotpRequest, LoginFlow, LoginRequest, LoginStep, NewSession, RevokeSessionRequest,
    SendSmsCodeRequest, VerifyRecoveryCodeRequest, VerifySmsCodeRequest, VerifyTotpRequest,
    change_expired_password_response, confirm_sms_response, confirm_totp_response, login_response,
    login_service_client::LoginServiceClient, session_service_client::SessionServiceClient,
    verify_recovery_code_response, verify_sms_code_response, verify_totp_response,
};

use super::mfa::{picture, recovery_codes};
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
    /// A recovery code, in place of another second factor
    #[arg(long)]
    recovery_code: Option<String>,
    /// Have a code sent to the enrolled phone, though there is an authenticator
    #[arg(long)]
    sms: bool,
    /// Enrol a phone, such as +4915123456789, where the tenant takes one
    #[arg(long, value_name = "NUMBER")]
    enrol_phone: Option<String>,
    /// Enrol an authenticator, where the tenant leaves that to its users
    #[arg(long)]
    enrol_totp: bool,
    /// Skip the second factor in later logins from this machine, for as long as
    /// the tenant's policy says
    #[arg(long)]
    trust_device: bool,
}

type Client = LoginServiceClient<Gateway>;

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
        client: &mut Client,
        flow: LoginFlow,
    ) -> Result<Step, Failure> {
        let token = flow.flow_token.clone();
        let offered = |step| flow.next_steps().any(|one| one == step);
        if offered(LoginStep::VerifyRecoveryCode)
            && let Some(code) = self.recovery_code.clone()
        {
            return recover(client, token, code).await;
        }
        if offered(LoginStep::ChangePassword) {
            return change_password(client, token).await;
        }
        if offered(LoginStep::SendSmsCode) && (self.sms || !offered(LoginStep::VerifyTotp)) {
            return self.verify_sms(session, client, token).await;
        }
        if offered(LoginStep::VerifyTotp) {
            return self.verify_totp(client, token).await;
        }
        if offered(LoginStep::EnrolSms)
            && let Some(number) = self.enrol_phone.clone()
        {
            return self.enrol_sms(session, client, token, number).await;
        }
        if offered(LoginStep::EnrolTotp) {
            return self.enrol_totp(session, client, token).await;
        }
        Err(unclear())
    }

    async fn verify_totp(&self, client: &mut Client, flow_token: String) -> Result<Step, Failure> {
        let code = self.code()?;
        let ask = VerifyTotpRequest { flow_token, code };
        match client.verify_totp(ask).await?.into_inner().outcome {
            Some(verify_totp_response::Outcome::Session(new)) => Ok(Step::In(new)),
            Some(verify_totp_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
            None => Err(unclear()),
        }
    }

    async fn verify_sms(
        &self,
        session: &Session,
        client: &mut Client,
        flow_token: String,
    ) -> Result<Step, Failure> {
        let ask = SendSmsCodeRequest {
            flow_token: flow_token.clone(),
        };
        let sent = client.send_sms_code(ask).await?.into_inner();
        session.print.say(&format!(
            "a code is on its way to the phone that ends in {}",
            sent.number_ending
        ));
        let code = password::ask("Code by SMS")?;
        let ask = VerifySmsCodeRequest { flow_token, code };
        match client.verify_sms_code(ask).await?.into_inner().outcome {
            Some(verify_sms_code_response::Outcome::Session(new)) => Ok(Step::In(new)),
            Some(verify_sms_code_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
            None => Err(unclear()),
        }
    }

    async fn enrol_totp(
        &self,
        session: &Session,
        client: &mut Client,
        flow_token: String,
    ) -> Result<Step, Failure> {
        let ask = EnrolTotpRequest {
            flow_token: flow_token.clone(),
        };
        let secret = client.enrol_totp(ask).await?.into_inner();
        picture(&session.print, &secret.otpauth_uri);
        session.print.say(&format!(
            "a second factor is to be enrolled; add this to your authenticator:\n  secret {}\n  {}",
            secret.secret, secret.otpauth_uri
        ));
        let code = self.code()?;
        let ask = ConfirmTotpRequest { flow_token, code };
        let reply = client.confirm_totp(ask).await?.into_inner();
        recovery_codes(&session.print, reply.recovery_codes)?;
        match reply.outcome {
            Some(confirm_totp_response::Outcome::Session(new)) => Ok(Step::In(new)),
            Some(confirm_totp_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
            None => Err(unclear()),
        }
    }

    async fn enrol_sms(
        &self,
        session: &Session,
        client: &mut Client,
        flow_token: String,
        number: String,
    ) -> Result<Step, Failure> {
        let ask = EnrolSmsRequest {
            flow_token: flow_token.clone(),
            number,
        };
        client.enrol_sms(ask).await?;
        let code = password::ask("Code by SMS")?;
        let ask = ConfirmSmsRequest { flow_token, code };
        let reply = client.confirm_sms(ask).await?.into_inner();
        recovery_codes(&session.print, reply.recovery_codes)?;
        match reply.outcome {
            Some(confirm_sms_response::Outcome::Session(new)) => Ok(Step::In(new)),
            Some(confirm_sms_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
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

async fn recover(
    client: &mut Client,
    flow_token: String,
    recovery_code: String,
) -> Result<Step, Failure> {
    let ask = VerifyRecoveryCodeRequest {
        flow_token,
        recovery_code,
    };
    match client.verify_recovery_code(ask).await?.into_inner().outcome {
        Some(verify_recovery_code_response::Outcome::Session(new)) => Ok(Step::In(new)),
        Some(verify_recovery_code_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
        None => Err(unclear()),
    }
}

async fn change_password(client: &mut Client, flow_token: String) -> Result<Step, Failure> {
    let ask = ChangeExpiredPasswordRequest {
        flow_token,
        new_password: password::ask("The password must be changed. New password")?,
    };
    match client
        .change_expired_password(ask)
        .await?
        .into_inner()
        .outcome
    {
        Some(change_expired_password_response::Outcome::Session(new)) => Ok(Step::In(new)),
        Some(change_expired_password_response::Outcome::Flow(flow)) => Ok(Step::More(flow)),
        None => Err(unclear()),
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
