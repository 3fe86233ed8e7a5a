//! What the second factors prove, and that nothing proves it twice.

use contract::identity::{Event, LoginProof, LoginStep, RecoveryCodeUsed};
use rpc::{Caller, Error};
use store::Tx;

use super::{
    ENROLLED, PURPOSE, context, recovery,
    sms::{self, Holder, Purpose},
    totp, wrong,
};
use crate::{
    Identity, db,
    lockouts::Charge,
    logins::flow::{self, Begun, Outcome},
};

/// How a proven password is recorded.
pub const PASSWORD: &str = "PASSWORD";

/// What a person offers as their second factor.
pub enum Proof {
    /// A code of the enrolled authenticator.
    Totp(String),
    /// A code that was sent to the enrolled phone.
    Sms(String),
    /// A recovery code.
    RecoveryCode(String),
}

impl Proof {
    /// What the contract calls it.
    pub fn kind(&self) -> LoginProof {
        match self {
            Proof::Totp(_) => LoginProof::Totp,
            Proof::Sms(_) => LoginProof::Sms,
            Proof::RecoveryCode(_) => LoginProof::RecoveryCode,
        }
    }

    /// How it is recorded.
    pub fn name(&self) -> &'static str {
        match self {
            Proof::Totp(_) => "TOTP",
            Proof::Sms(_) => "SMS",
            Proof::RecoveryCode(_) => "RECOVERY_CODE",
        }
    }

    /// The step of a login that takes it.
    fn step(&self) -> LoginStep {
        match self {
            Proof::Totp(_) => LoginStep::VerifyTotp,
            Proof::Sms(_) => LoginStep::SendSmsCode,
            Proof::RecoveryCode(_) => LoginStep::VerifyRecoveryCode,
        }
    }

    /// Whether it is right; from here on it is used up (B-8, B-10).
    pub async fn accept(&self, app: &Identity, tx: &mut Tx, holder: Holder) -> Result<bool, Error> {
        match self {
            Proof::Totp(code) => accept_totp(app, tx, holder, code).await,
            Proof::Sms(code) => {
                let sent_to = sms::accept(app, tx, holder, Purpose::Prove, code).await?;
                Ok(sent_to.is_some())
            }
            Proof::RecoveryCode(code) => accept_recovery_code(app, tx, holder, code).await,
        }
    }
}

async fn accept_totp(
    app: &Identity,
    tx: &mut Tx,
    holder: Holder,
    code: &str,
) -> Result<bool, Error> {
    let (tenant, user) = (holder.tenant, holder.user);
    let Some(sealed) = db::totp_factors::secret(tx, tenant, user).await? else {
        return Ok(false);
    };
    let secret = app
        .store
        .keys()
        .open(PURPOSE, &context(tenant, user, ENROLLED), &sealed)?;
    match totp::step_of(&secret, code, app.store.clock().now().timestamp())? {
        Some(step) => Ok(db::totp_factors::use_step(tx, tenant, user, step).await?),
        None => Ok(false),
    }
}

async fn accept_recovery_code(
    app: &Identity,
    tx: &mut Tx,
    holder: Holder,
    code: &str,
) -> Result<bool, Error> {
    let (tenant, user) = (holder.tenant, holder.user);
    let hash = recovery::hash(app.store.keys(), tenant, user, code);
    if !db::recovery_codes::use_up(tx, tenant, user, &hash).await? {
        return Ok(false);
    }
    let left = db::recovery_codes::count(tx, tenant, user).await?;
    tx.publish(Event::from(RecoveryCodeUsed {
        user_id: user.to_string(),
        left: u32::try_from(left).unwrap_or_default(),
    }));
    Ok(true)
}

/// Proves a second factor in a login and goes on with it.
pub async fn in_flow(
    app: &Identity,
    caller: &Caller,
    flow_token: String,
    proof: Proof,
) -> Result<Outcome, Error> {
    let found = flow::find(app, &flow_token, proof.step()).await?;
    let (tenant, user) = (found.tenant_id, found.user_id);
    let Some(charge) = Charge::take(app, caller, found.who(), proof.kind()).await? else {
        return Err(wrong());
    };
    let mut tx = app.store.tenant(tenant, caller).await?;
    let flow = match flow::lock(&mut tx, &found, proof.step()).await {
        Ok(flow) => flow,
        Err(error) => {
            drop(tx);
            charge.refund().await?;
            return Err(error);
        }
    };
    if !proof.accept(app, &mut tx, Holder::of(&flow)).await? {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    tx.set_actor(user, tenant);
    db::login_flows::prove(&mut tx, tenant, flow.id, proof.name()).await?;
    let begun = Begun {
        id: flow.id,
        token: flow_token,
    };
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    // Last: the budget of the address, which is that of all who log in from there,
    // stays locked until the commit.
    charge.pass(&mut tx).await?;
    tx.done().await?;
    Ok(outcome)
}
