//! Second factors: one's own, and those of users who lost them.

use contract::identity::{
    CreateRecoveryCodesRequest, Factor, FactorKind, Factors, FinishSmsEnrolmentRequest,
    FinishTotpEnrolmentRequest, GetFactorsRequest, MfaPolicy, ReauthenticateRequest,
    RemoveFactorRequest, ResetFactorsRequest, SendReauthenticationCodeRequest,
    StartSmsEnrolmentRequest, StartTotpEnrolmentRequest,
    factor_service_client::FactorServiceClient, reauthenticate_request::Second,
};

use crate::{
    Session,
    client::Gateway,
    failure::Failure,
    names, password,
    print::{Printer, time, word, yes},
};

const AFTER: &str = "\
Examples:
  usherctl mfa status ada@acme.example
  usherctl mfa enrol               shows a secret to add to an authenticator
  usherctl mfa confirm 123456      with a first code of it
  usherctl mfa enrol --phone +4915123456789
  usherctl mfa reset ada@acme.example";

/// What to do.
#[derive(clap::Subcommand)]
#[command(after_help = AFTER)]
pub enum Mfa {
    /// Show what a user has, and what the tenant asks; oneself where nobody is
    /// named
    Status {
        /// Whose
        user: Option<String>,
    },
    /// Start enrolling an authenticator, or a phone; `confirm` finishes
    Enrol {
        /// The phone to which codes are sent, such as +4915123456789
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
        #[command(flatten)]
        proof: Proof,
    },
    /// Finish enrolling with a first code; shows recovery codes where there are
    /// none yet
    Confirm {
        /// The six digits
        code: String,
        /// The code was sent to a phone
        #[arg(long)]
        phone: bool,
    },
    /// Remove one's own factor
    Remove {
        /// Which
        kind: Kind,
        #[command(flatten)]
        proof: Proof,
    },
    /// Make ten new recovery codes; those from before are dead
    RecoveryCodes {
        #[command(flatten)]
        proof: Proof,
    },
    /// Remove all factors of a user who lost them
    Reset {
        /// Whose
        user: String,
    },
}

/// A kind of factor.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Kind {
    /// The authenticator
    Totp,
    /// The phone
    Phone,
}

/// Who is there, proven again: changes of factors, and of how one logs in, need it.
#[derive(clap::Args)]
pub struct Proof {
    /// The password; asked for, or read from stdin, where it is not given
    #[arg(long, env = "USHER_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// A code of the authenticator, or one sent to the phone; asked for where a
    /// factor is enrolled
    #[arg(long)]
    code: Option<String>,
    /// A recovery code, in place of a code
    #[arg(long, conflicts_with = "code")]
    recovery_code: Option<String>,
}

impl Mfa {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = FactorServiceClient::new(session.client.gateway());
        match self {
            Mfa::Status { user } => {
                let user_id = match user {
                    Some(user) => names::user(session, &user).await?,
                    None => String::new(),
                };
                status(session, &factors(&mut client, user_id).await?)
            }
            Mfa::Enrol { phone, proof } => {
                proof.give(&mut client).await?;
                match phone {
                    Some(number) => enrol_phone(session, &mut client, number).await,
                    None => enrol_totp(session, &mut client).await,
                }
            }
            Mfa::Confirm { code, phone } => confirm(session, &mut client, code, phone).await,
            Mfa::Remove { kind, proof } => {
                proof.give(&mut client).await?;
                let kind = match kind {
                    Kind::Totp => FactorKind::Totp,
                    Kind::Phone => FactorKind::Sms,
                };
                let ask = RemoveFactorRequest {
                    kind: kind.into(),
                    request_id: names::request_id(),
                };
                let left = client.remove_factor(ask).await?.into_inner().factors;
                status(session, &left.unwrap_or_default())
            }
            Mfa::RecoveryCodes { proof } => {
                proof.give(&mut client).await?;
                let ask = CreateRecoveryCodesRequest {
                    request_id: names::request_id(),
                };
                let made = client.create_recovery_codes(ask).await?.into_inner();
                recovery_codes(&session.print, made.recovery_codes)
            }
            Mfa::Reset { user } => {
                let ask = ResetFactorsRequest {
                    user_id: names::user(session, &user).await?,
                    request_id: names::request_id(),
                };
                client.reset_factors(ask).await?;
                session.print.say("done; all their sessions have ended");
                Ok(())
            }
        }
    }
}

impl Proof {
    /// Proves who is there.
    pub async fn give(self, client: &mut FactorServiceClient<Gateway>) -> Result<(), Failure> {
        let usable = factors(client, String::new()).await?.factors;
        let has = |kind: FactorKind| {
            usable
                .iter()
                .any(|factor| factor.usable && factor.kind() == kind)
        };
        let password = match self.password {
            Some(password) => password,
            None => password::ask("Password")?,
        };
        let second = match (self.recovery_code, self.code) {
            (Some(code), _) => Some(Second::RecoveryCode(code)),
            (None, Some(code)) if has(FactorKind::Totp) => Some(Second::TotpCode(code)),
            (None, Some(code)) => Some(Second::SmsCode(code)),
            (None, None) if has(FactorKind::Totp) => Some(Second::TotpCode(password::ask("Code")?)),
            (None, None) if has(FactorKind::Sms) => {
                let ask = SendReauthenticationCodeRequest {
                    request_id: names::request_id(),
                };
                client.send_reauthentication_code(ask).await?;
                Some(Second::SmsCode(password::ask("Code by SMS")?))
            }
            (None, None) => None,
        };
        client
            .reauthenticate(ReauthenticateRequest { password, second })
            .await?;
        Ok(())
    }
}

async fn factors(
    client: &mut FactorServiceClient<Gateway>,
    user_id: String,
) -> Result<Factors, Failure> {
    let reply = client.get_factors(GetFactorsRequest { user_id }).await?;
    Ok(reply.into_inner().factors.unwrap_or_default())
}

async fn enrol_totp(
    session: &Session,
    client: &mut FactorServiceClient<Gateway>,
) -> Result<(), Failure> {
    let ask = StartTotpEnrolmentRequest {
        request_id: names::request_id(),
    };
    let started = client.start_totp_enrolment(ask).await?.into_inner();
    picture(&session.print, &started.otpauth_uri);
    let fields = [
        ("Secret", started.secret.clone()),
        ("URI", started.otpauth_uri.clone()),
        ("Ends", time(started.expire_time.as_ref())),
    ];
    session.print.one(&started, &fields)
}

async fn enrol_phone(
    session: &Session,
    client: &mut FactorServiceClient<Gateway>,
    number: String,
) -> Result<(), Failure> {
    let ask = StartSmsEnrolmentRequest {
        number,
        request_id: names::request_id(),
    };
    let started = client.start_sms_enrolment(ask).await?.into_inner();
    session
        .print
        .say("a code is on its way; finish with `usherctl mfa confirm CODE --phone`");
    let fields = [("Ends", time(started.expire_time.as_ref()))];
    session.print.one(&started, &fields)
}

async fn confirm(
    session: &Session,
    client: &mut FactorServiceClient<Gateway>,
    code: String,
    phone: bool,
) -> Result<(), Failure> {
    let request_id = names::request_id();
    let codes = if phone {
        let ask = FinishSmsEnrolmentRequest { code, request_id };
        client
            .finish_sms_enrolment(ask)
            .await?
            .into_inner()
            .recovery_codes
    } else {
        let ask = FinishTotpEnrolmentRequest { code, request_id };
        client
            .finish_totp_enrolment(ask)
            .await?
            .into_inner()
            .recovery_codes
    };
    session
        .print
        .say("enrolled; your other sessions have ended");
    recovery_codes(&session.print, codes)
}

/// Shows recovery codes, where there are any.
pub fn recovery_codes(print: &Printer, codes: Vec<String>) -> Result<(), Failure> {
    if codes.is_empty() {
        return Ok(());
    }
    print.say("keep these where you find them without your phone; each works once:");
    let rows = codes.into_iter().map(|code| [code]).collect();
    print.rows(["Recovery code"], rows)
}

/// Draws what an authenticator's camera reads.
pub fn picture(print: &Printer, uri: &str) {
    if let Ok(code) = qrcode::QrCode::new(uri) {
        // On a dark terminal, the usual one, light is what is drawn.
        let picture = code
            .render::<qrcode::render::unicode::Dense1x2>()
            .dark_color(qrcode::render::unicode::Dense1x2::Light)
            .light_color(qrcode::render::unicode::Dense1x2::Dark)
            .build();
        print.say(&picture);
    }
}

fn status(session: &Session, factors: &Factors) -> Result<(), Failure> {
    let of = |kind: FactorKind| {
        factors
            .factors
            .iter()
            .find(|factor| factor.kind() == kind)
            .map(enrolled)
            .unwrap_or_default()
    };
    let policy = MfaPolicy::try_from(factors.mfa_policy).unwrap_or_default();
    let fields = [
        ("User ID", factors.user_id.clone()),
        ("Policy", word(policy.as_str_name(), "MFA_POLICY_")),
        ("Required", yes(factors.required)),
        ("Authenticator", of(FactorKind::Totp)),
        ("Phone", of(FactorKind::Sms)),
        (
            "Recovery codes left",
            factors.recovery_codes_left.to_string(),
        ),
    ];
    session.print.one(factors, &fields)
}

fn enrolled(factor: &Factor) -> String {
    let since = time(factor.enrol_time.as_ref());
    let number = match factor.number_ending.as_str() {
        "" => String::new(),
        ending => format!("…{ending}, "),
    };
    let unusable = if factor.usable {
        ""
    } else {
        ", not allowed now"
    };
    format!("{number}since {since}{unusable}")
}
