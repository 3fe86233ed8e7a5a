//! What comes next in a login.

use std::time::Duration;

use contract::{
    Id,
    identity::{
        Device, ErrorReason, LoginFlow, LoginStep, MfaPolicy, NewSession, Tenant, User,
        change_expired_password_response, confirm_sms_response, confirm_totp_response,
        login_response, verify_recovery_code_response, verify_sms_code_response,
        verify_totp_response,
    },
};
use rpc::{Because as _, Caller, Error};
use store::{Keys, Tx};

use crate::{
    Identity, db,
    db::login_flows::Flow,
    factors::{Standing, prove::PASSWORD},
    lockouts::Who,
    sessions, timestamp,
};

/// How long a login may take from the password on.
const LIFETIME: Duration = Duration::from_mins(10);

const PURPOSE: &str = "login flow token";

/// A flow and the token that names it.
pub struct Begun {
    /// The flow.
    pub id: Id<LoginFlow>,
    /// The secret of its holder.
    pub token: String,
}

/// What a login asked for beside being let in.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The device of the user that it comes from; `None` where that is new.
    pub device: Option<Id<Device>>,
    /// What a new device calls itself.
    pub device_name: String,
    /// To trust the device from here on.
    pub trust_device: bool,
    /// To enrol an authenticator.
    pub enrol_totp: bool,
}

/// Where a step has led.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives until the reply, one at a time"
)]
pub enum Outcome {
    /// The user is in.
    Session(NewSession),
    /// More proofs are needed.
    Flow(LoginFlow),
}

/// What is true of a flow.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// What the user has of second factors, and what the tenant asks of them.
    pub factors: Standing,
    /// Whether a second factor was proven in this flow.
    pub proven: bool,
    /// Whether the user asked to enrol an authenticator.
    pub enrol_totp: bool,
    /// Whether the login comes from a device that skips the second factor.
    pub device_trusted: bool,
    /// Whether the password must be changed.
    pub password_due: bool,
}

/// What may come next, any one of them, from what is true now and nothing else.
/// Nothing: the proofs make a session. Every flow begins with a proven password;
/// it is changed when all else is proven, so that who knows an old password alone
/// cannot choose the next.
pub fn next(state: &State) -> Vec<LoginStep> {
    let mut steps = next_proofs(state);
    if steps.is_empty() && state.password_due {
        steps.push(LoginStep::ChangePassword);
    }
    steps
}

fn next_proofs(state: &State) -> Vec<LoginStep> {
    let (has, mut steps) = (&state.factors, Vec::new());
    let enrols = state.enrol_totp && has.policy == MfaPolicy::Optional;
    if state.proven || state.is_skipped() || !has.is_asked() && !enrols {
        return steps;
    }
    let mut offer = |offered: bool, step| steps.extend(offered.then_some(step));
    if has.is_usable() {
        offer(has.totp, LoginStep::VerifyTotp);
        offer(has.is_phone_asked(), LoginStep::SendSmsCode);
        offer(has.recovery_codes > 0, LoginStep::VerifyRecoveryCode);
    } else {
        offer(true, LoginStep::EnrolTotp);
        offer(has.required && has.sms_allowed, LoginStep::EnrolSms);
    }
    steps
}

/// The fewest proofs that make a session, from what is true and whatever the
/// steps say. A trusted device satisfies the policy, and proves nothing.
pub fn least_level(state: &State) -> i16 {
    if state.factors.is_asked() && !state.is_skipped() {
        2
    } else {
        1
    }
}

impl State {
    /// Whether the device stands in for the second factor. Trust was given after
    /// one, and ends with any change of factors: there is nothing to enrol.
    fn is_skipped(&self) -> bool {
        self.device_trusted && self.factors.is_usable()
    }
}

impl Flow {
    /// What is true of the flow.
    pub fn state(&self) -> State {
        State {
            factors: Standing {
                policy: db::tenants::policy(&self.mfa_policy),
                required: self.required,
                sms_allowed: self.sms_allowed,
                totp: self.totp_enrolled,
                sms: self.sms_enrolled,
                recovery_codes: self.recovery_codes_left.unsigned_abs(),
            },
            proven: self.proofs.iter().any(|proof| proof != PASSWORD),
            enrol_totp: self.enrol_totp,
            device_trusted: self.device_trusted,
            password_due: self.password_due,
        }
    }

    /// Whose answers are given in the flow.
    pub fn who(&self) -> Who {
        match self.device_id {
            Some(device) => Who::Device(self.tenant_id, self.user_id, device),
            None => Who::User(self.tenant_id, self.user_id),
        }
    }
}

/// Begins a flow in which the password was proven.
pub async fn begin(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    wishes: &Wishes,
) -> Result<Begun, Error> {
    let begun = Begun {
        id: Id::new(),
        token: Keys::token(),
    };
    let hash = hash(app, &begun.token);
    db::login_flows::begin(tx, tenant, begun.id, user, &hash, wishes, LIFETIME).await?;
    Ok(begun)
}

/// Finds the flow of a token, or refuses with `FLOW_ENDED` where it is over or
/// does not want this step.
pub async fn find(app: &Identity, token: &str, step: LoginStep) -> Result<Flow, Error> {
    let mut tx = app.store.worker().await?;
    let flow = db::login_flows::by_token(&mut tx, &hash(app, token))
        .await?
        .ok_or_else(ended)?;
    expect(&flow, step)?;
    Ok(flow)
}

/// Locks a flow and looks again whether it wants the step: another call may
/// have come first.
pub async fn lock(tx: &mut Tx, flow: &Flow, step: LoginStep) -> Result<Flow, Error> {
    // The user first, as everybody does: a disabling that came first is seen.
    db::users::lock(tx, flow.tenant_id, flow.user_id, "ACTIVE")
        .await?
        .ok_or_else(ended)?;
    let flow = db::login_flows::lock(tx, flow.tenant_id, flow.id)
        .await?
        .ok_or_else(ended)?;
    expect(&flow, step)?;
    Ok(flow)
}

/// Goes on with a flow: to a session where the proofs are enough, else to the
/// next step. The transaction holds the lock on the user.
pub async fn advance(
    app: &Identity,
    tx: &mut Tx,
    caller: &Caller,
    tenant: Id<Tenant>,
    begun: Begun,
) -> Result<Outcome, Error> {
    let flow = db::login_flows::lock(tx, tenant, begun.id)
        .await?
        .ok_or_else(ended)?;
    let steps = next(&flow.state());
    if steps.is_empty() {
        let session = sessions::begin::run(app, tx, caller, &flow).await?;
        return Ok(Outcome::Session(session));
    }
    Ok(Outcome::Flow(LoginFlow {
        flow_token: begun.token,
        next_steps: steps.into_iter().map(Into::into).collect(),
        expire_time: Some(timestamp(flow.expire_time)),
    }))
}

fn expect(flow: &Flow, step: LoginStep) -> Result<(), Error> {
    if next(&flow.state()).contains(&step) {
        Ok(())
    } else {
        Err(ended())
    }
}

fn hash(app: &Identity, token: &str) -> [u8; 32] {
    app.store.keys().keyed_hash(PURPOSE, token.as_bytes())
}

/// Refuses a flow that is not, or not any more.
pub fn ended() -> Error {
    ErrorReason::FlowEnded.because("this login is over, or at another step; begin again")
}

macro_rules! outcome_of {
    ($($response:ident),* $(,)?) => {$(
        impl From<Outcome> for $response::Outcome {
            fn from(outcome: Outcome) -> Self {
                match outcome {
                    Outcome::Session(session) => Self::Session(session),
                    Outcome::Flow(flow) => Self::Flow(flow),
                }
            }
        }
    )*};
}

outcome_of!(
    login_response,
    verify_totp_response,
    verify_sms_code_response,
    verify_recovery_code_response,
    confirm_totp_response,
    confirm_sms_response,
    change_expired_password_response,
);

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walks;
