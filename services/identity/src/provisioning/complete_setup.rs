//! Sets the first password of an invited user. Repeated with the same password
//! soon after, as a saga does that lost the answer, it answers again; any other
//! is refused with `SETUP_DONE`. Nobody is set up while they are disabled.

use contract::{
    Id,
    identity::{
        CompleteSetupRequest, CompleteSetupResponse, ErrorReason, Event, LoginFlow, LoginProof,
        MfaPolicy, Tenant, User, UserActivated,
    },
};
use rpc::{Because as _, Caller, Error};
use store::Tx;

use crate::{
    Identity, db,
    lockouts::{Charge, Who},
    logins::flow::{self, Outcome, Wishes},
    passwords::{self, Place},
    users::{self, names::Names},
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CompleteSetupRequest,
) -> Result<CompleteSetupResponse, Error> {
    let (tenant, id): (_, Id<User>) = (caller.tenant()?, ask.user_id.parse()?);
    let mut tx = app.store.read(caller).await?;
    let user = db::users::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(users::not_found)?;
    drop(tx);
    let place = app.hashing.place()?;
    place.of(&tenant)?;
    match user.status.as_str() {
        "INVITED" => {}
        "ACTIVE" => return again(app, caller, tenant, id, &place, &ask.password).await,
        _ => return Err(disabled()),
    }
    let names = names(&ask, &user)?;
    let mut tx = app.store.read(caller).await?;
    let terms = passwords::terms(app, &mut tx, tenant, &names).await?;
    drop(tx);
    let new = db::passwords::New {
        kept: app.hashing.hash(&place, &ask.password, terms).await?,
        temporary: None,
    };
    drop(place);

    let mut tx = app.store.tenant(tenant, caller).await?;
    if db::users::finish_setup(&mut tx, tenant, id, &names)
        .await?
        .is_none()
    {
        // Set up or disabled meanwhile, or deleted.
        let user = db::users::get(&mut tx, tenant, id)
            .await?
            .ok_or_else(users::not_found)?;
        return Err(match user.status.as_str() {
            "ACTIVE" => done(),
            _ => disabled(),
        });
    }
    db::passwords::insert(&mut tx, tenant, id, &new).await?;
    tx.set_actor(id, tenant);
    tx.publish(Event::from(UserActivated {
        user_id: id.to_string(),
    }));
    finish(app, tx, caller, tenant, id).await
}

fn names(ask: &CompleteSetupRequest, user: &db::users::Row) -> Result<Names, Error> {
    let or = |given: &str, kept: &str| {
        if given.trim().is_empty() {
            kept.to_owned()
        } else {
            given.to_owned()
        }
    };
    let (first, last) = (
        or(&ask.first_name, &user.first_name),
        or(&ask.last_name, &user.last_name),
    );
    Names::of(&first, &last, &user.username, &user.email)
        .ok_or_else(|| Error::fault("kept names do not fit"))
}

/// Answers a repetition. The password is checked, at the user's one budget.
async fn again(
    app: &Identity,
    caller: &Caller,
    tenant: Id<Tenant>,
    id: Id<User>,
    place: &Place,
    password: &str,
) -> Result<CompleteSetupResponse, Error> {
    let mut tx = app.store.read(caller).await?;
    let set = db::passwords::lately_set(&mut tx, tenant, id)
        .await?
        .ok_or_else(done)?;
    drop(tx);
    let who = Who::User(tenant, id);
    let charge = Charge::take(app, caller, who, LoginProof::Password)
        .await?
        .ok_or_else(done)?;
    if !app.hashing.verify(place, password, Some(&set.kept)).await? {
        charge.fail().await?;
        return Err(done());
    }
    let mut tx = app.store.tenant(tenant, caller).await?;
    db::users::lock_for_login(&mut tx, tenant, id, set.id)
        .await?
        .ok_or_else(done)?;
    charge.pass(&mut tx).await?;
    finish(app, tx, caller, tenant, id).await
}

/// Begins the flow for a second factor where one is needed first.
async fn finish(
    app: &Identity,
    mut tx: Tx,
    caller: &Caller,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> Result<CompleteSetupResponse, Error> {
    let settings = db::tenants::get(&mut tx, tenant)
        .await?
        .ok_or_else(users::not_found)?;
    let flow = match db::tenants::policy(&settings.mfa_policy) {
        MfaPolicy::Required => wanted(app, &mut tx, caller, tenant, id).await?,
        MfaPolicy::Off | MfaPolicy::Optional | MfaPolicy::Unspecified => None,
    };
    let user = users::read(&mut tx, tenant, id).await?;
    tx.done().await?;
    Ok(CompleteSetupResponse {
        user: Some(user),
        flow,
    })
}

async fn wanted(
    app: &Identity,
    tx: &mut Tx,
    caller: &Caller,
    tenant: Id<Tenant>,
    id: Id<User>,
) -> Result<Option<LoginFlow>, Error> {
    let begun = flow::begin(app, tx, tenant, id, &Wishes::default()).await?;
    match flow::advance(app, tx, caller, tenant, begun).await? {
        Outcome::Flow(flow) => Ok(Some(flow)),
        // Not with a policy that asks for a factor.
        Outcome::Session(_) => Err(Error::fault(
            "a password alone made a session where two factors are required",
        )),
    }
}

fn disabled() -> Error {
    ErrorReason::UserDisabled.because("this account is disabled; ask who invited you")
}

fn done() -> Error {
    ErrorReason::SetupDone.because("the user's set-up was finished before")
}
