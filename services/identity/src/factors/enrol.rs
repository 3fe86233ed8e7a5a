//! What the first code of a factor does: it shows that the factor works, and
//! from then on the user has it.

use contract::identity::{Event, LoginProof, LoginStep, SmsEnrolled, TotpEnrolled};
use rpc::{Caller, Error};
use store::Tx;
use zeroize::Zeroizing;

use super::{
    ENROLLED, ENROLLING, IN_SESSION, PURPOSE, changed, context, ended,
    own::Own,
    recovery,
    sms::{self, Holder, Purpose},
    totp, wrong,
};
use crate::{
    Identity, db,
    lockouts::Charge,
    logins::flow::{self, Begun, Outcome},
    sessions::Spare,
};

/// The first code of a factor that is being enrolled.
pub enum First {
    /// Of an authenticator.
    Totp(String),
    /// Of a phone.
    Sms(String),
}

/// A user's recovery codes, where they were made with their first factor.
pub type RecoveryCodes = Vec<String>;

impl First {
    fn kind(&self) -> LoginProof {
        match self {
            First::Totp(_) => LoginProof::Totp,
            First::Sms(_) => LoginProof::Sms,
        }
    }

    /// How it is recorded as a proof, which it is too.
    fn name(&self) -> &'static str {
        match self {
            First::Totp(_) => "TOTP",
            First::Sms(_) => "SMS",
        }
    }

    fn step(&self) -> LoginStep {
        match self {
            First::Totp(_) => LoginStep::EnrolTotp,
            First::Sms(_) => LoginStep::EnrolSms,
        }
    }

    fn enrolled(&self, holder: Holder) -> Event {
        let user_id = holder.user.to_string();
        match self {
            First::Totp(_) => TotpEnrolled { user_id }.into(),
            First::Sms(_) => SmsEnrolled { user_id }.into(),
        }
    }

    /// Keeps the factor, in place of another of its kind, if the code is right.
    async fn keep(
        &self,
        app: &Identity,
        tx: &mut Tx,
        holder: Holder,
        secret: &[u8],
    ) -> Result<bool, Error> {
        let (tenant, user) = (holder.tenant, holder.user);
        match self {
            First::Totp(code) => {
                let now = app.store.clock().now().timestamp();
                let Some(step) = totp::step_of(secret, code, now)? else {
                    return Ok(false);
                };
                let bound = context(tenant, user, ENROLLED);
                let sealed = app.store.keys().seal(PURPOSE, &bound, secret);
                db::totp_factors::set(tx, tenant, user, &sealed, step).await?;
            }
            First::Sms(code) => {
                let sent_to = sms::accept(app, tx, holder, Purpose::Enrol, code).await?;
                let Some(number) = sent_to else {
                    return Ok(false);
                };
                db::sms_factors::set(tx, tenant, user, &number).await?;
            }
        }
        Ok(true)
    }

    /// What follows from a factor that was kept.
    async fn kept(
        &self,
        app: &Identity,
        tx: &mut Tx,
        holder: Holder,
        spare: Spare,
    ) -> Result<RecoveryCodes, Error> {
        let (tenant, user) = (holder.tenant, holder.user);
        tx.publish(self.enrolled(holder));
        changed(app, tx, tenant, user, spare).await?;
        if db::recovery_codes::count(tx, tenant, user).await? > 0 {
            return Ok(RecoveryCodes::new());
        }
        recovery::create(app, tx, tenant, user).await
    }
}

/// Enrols a factor in a login and goes on with it.
pub async fn in_flow(
    app: &Identity,
    caller: &Caller,
    flow_token: String,
    first: First,
) -> Result<(Outcome, RecoveryCodes), Error> {
    let found = flow::find(app, &flow_token, first.step()).await?;
    if matches!(first, First::Totp(_)) && found.totp_secret.is_none() {
        return Err(flow::ended());
    }
    let (tenant, user) = (found.tenant_id, found.user_id);
    let Some(charge) = Charge::take(app, caller, found.who(), first.kind()).await? else {
        return Err(wrong());
    };
    let mut tx = app.store.tenant(tenant, caller).await?;
    let flow = match flow::lock(&mut tx, &found, first.step()).await {
        Ok(flow) => flow,
        Err(error) => {
            drop(tx);
            charge.refund().await?;
            return Err(error);
        }
    };
    let holder = Holder::of(&flow);
    let secret = open(app, holder, ENROLLING, flow.totp_secret.as_deref())?;
    if !first.keep(app, &mut tx, holder, &secret).await? {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    tx.set_actor(user, tenant);
    let codes = first
        .kept(app, &mut tx, holder, Spare::Login(flow.id))
        .await?;
    db::login_flows::prove(&mut tx, tenant, flow.id, first.name()).await?;
    let begun = Begun {
        id: flow.id,
        token: flow_token,
    };
    let outcome = flow::advance(app, &mut tx, caller, tenant, begun).await?;
    // Last: the budget of the address, which is that of all who log in from there,
    // stays locked until the commit.
    charge.pass(&mut tx).await?;
    tx.done().await?;
    Ok((outcome, codes))
}

/// Enrols a factor from a session. The transaction is the caller's to commit; the
/// charge is settled with it, and must not be dropped before.
pub async fn in_session<M: contract::Request>(
    app: &Identity,
    own: &Own,
    ask: &M,
    first: First,
) -> Result<(Tx, RecoveryCodes, Charge), Error> {
    let mut tx = app.store.begin(&own.caller, ask).await?;
    own.fresh(&mut tx).await?;
    let sealed = db::totp_enrolments::get(&mut tx, own.tenant, own.session).await?;
    if matches!(first, First::Totp(_)) && sealed.is_none() {
        return Err(ended());
    }
    drop(tx);
    let charge = own.charge(app, first.kind()).await?.ok_or_else(wrong)?;
    let mut tx = app.store.begin(&own.caller, ask).await?;
    own.fresh(&mut tx).await?;
    let sealed = db::totp_enrolments::get(&mut tx, own.tenant, own.session).await?;
    let holder = own.holder();
    let secret = open(app, holder, IN_SESSION, sealed.as_deref())?;
    if !first.keep(app, &mut tx, holder, &secret).await? {
        drop(tx);
        charge.fail().await?;
        return Err(wrong());
    }
    charge.pass(&mut tx).await?;
    db::totp_enrolments::end(&mut tx, own.tenant, own.session).await?;
    let codes = first
        .kept(app, &mut tx, holder, Spare::Session(own.session))
        .await?;
    own.prove(&mut tx, first.name()).await?;
    Ok((tx, codes, charge))
}

/// The secret of an authenticator that is being enrolled; nothing where none is.
fn open(
    app: &Identity,
    holder: Holder,
    column: &str,
    sealed: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let Some(sealed) = sealed else {
        return Ok(Zeroizing::default());
    };
    let bound = context(holder.tenant, holder.user, column);
    app.store.keys().open(PURPOSE, &bound, sealed)
}
