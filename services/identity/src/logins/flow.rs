//! What comes next in a login.

use std::time::Duration;

use contract::{
    Id,
    identity::{
        Device, ErrorReason, LoginFlow, LoginStep, MfaPolicy, NewSession, Tenant, User,
        confirm_totp_response, login_response, verify_totp_response,
    },
};
use rpc::{Because as _, Caller, Error};
use store::{Keys, Tx};

use crate::{Identity, db, db::login_flows::Flow, lockouts::Who, sessions, timestamp};

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

/// What a flow wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing more: the proofs make a session.
    Session,
    /// A code of the enrolled authenticator.
    VerifyTotp,
    /// An authenticator.
    EnrolTotp,
}

/// What is true of a flow.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all together decide"
)]
pub struct State {
    /// The tenant's policy.
    pub policy: MfaPolicy,
    /// Whether the user has an authenticator.
    pub totp_enrolled: bool,
    /// Whether a code of it was proven in this flow.
    pub totp_proven: bool,
    /// Whether the user asked to enrol one.
    pub enrol_totp: bool,
    /// Whether the login comes from a device that skips the second factor.
    pub device_trusted: bool,
}

/// What comes next, from what is true now and nothing else. Every flow begins
/// with a proven password.
pub fn next(state: State) -> Step {
    match state {
        State {
            totp_proven: true, ..
        }
        | State {
            policy: MfaPolicy::Off,
            ..
        }
        // Trust was given after a second factor, and ends with any change of
        // factors: there is nothing to enrol.
        | State {
            device_trusted: true,
            totp_enrolled: true,
            ..
        } => Step::Session,
        State {
            totp_enrolled: true,
            ..
        } => Step::VerifyTotp,
        State {
            policy: MfaPolicy::Required,
            ..
        }
        | State {
            enrol_totp: true, ..
        } => Step::EnrolTotp,
        State {
            policy: MfaPolicy::Optional | MfaPolicy::Unspecified,
            ..
        } => Step::Session,
    }
}

impl Flow {
    /// What is true of the flow.
    pub fn state(&self) -> State {
        State {
            policy: db::tenants::policy(&self.mfa_policy),
            totp_enrolled: self.totp_enrolled,
            totp_proven: self.proofs.iter().any(|proof| proof == "TOTP"),
            enrol_totp: self.enrol_totp,
            device_trusted: self.device_trusted,
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
/// wants another step than `step`.
pub async fn find(app: &Identity, token: &str, step: Step) -> Result<Flow, Error> {
    let mut tx = app.store.worker().await?;
    let flow = db::login_flows::by_token(&mut tx, &hash(app, token))
        .await?
        .ok_or_else(ended)?;
    expect(&flow, step)?;
    Ok(flow)
}

/// Locks a flow and looks again whether it wants the step: another call may
/// have come first.
pub async fn lock(tx: &mut Tx, flow: &Flow, step: Step) -> Result<Flow, Error> {
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
    let next_step = match next(flow.state()) {
        Step::Session => {
            return Ok(Outcome::Session(
                sessions::begin::run(app, tx, caller, &flow).await?,
            ));
        }
        Step::VerifyTotp => LoginStep::VerifyTotp,
        Step::EnrolTotp => LoginStep::EnrolTotp,
    };
    Ok(Outcome::Flow(LoginFlow {
        flow_token: begun.token,
        next_steps: vec![next_step.into()],
        expire_time: Some(timestamp(flow.expire_time)),
    }))
}

fn expect(flow: &Flow, step: Step) -> Result<(), Error> {
    if next(flow.state()) == step {
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

impl From<Outcome> for login_response::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Session(session) => Self::Session(session),
            Outcome::Flow(flow) => Self::Flow(flow),
        }
    }
}

impl From<Outcome> for verify_totp_response::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Session(session) => Self::Session(session),
            Outcome::Flow(flow) => Self::Flow(flow),
        }
    }
}

impl From<Outcome> for confirm_totp_response::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Session(session) => Self::Session(session),
            Outcome::Flow(flow) => Self::Flow(flow),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_session_without_the_proofs_that_the_policy_asks() {
        for policy in [MfaPolicy::Off, MfaPolicy::Optional, MfaPolicy::Required] {
            for totp_enrolled in [false, true] {
                for bits in 0..8 {
                    let (totp_proven, enrol_totp, device_trusted) =
                        (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
                    let step = next(State {
                        policy,
                        totp_enrolled,
                        totp_proven,
                        enrol_totp,
                        device_trusted,
                    });
                    let asked = policy == MfaPolicy::Required
                        || policy == MfaPolicy::Optional && (totp_enrolled || enrol_totp);
                    assert_eq!(
                        step == Step::Session,
                        totp_proven || !asked || device_trusted && totp_enrolled,
                        "{policy:?} {totp_enrolled} {enrol_totp}"
                    );
                    assert!(
                        step != Step::EnrolTotp || !totp_enrolled,
                        "a second authenticator"
                    );
                }
            }
        }
    }
}
