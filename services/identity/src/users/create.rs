//! Creates a user who can log in at once.

use contract::{
    Id,
    identity::{
        CreateUserRequest, CreateUserResponse, ErrorReason, Event, MfaPolicy, Tenant, User,
        UserCreated,
    },
};
use rpc::{Because as _, Caller, Error};
use sqlx::PgConnection;

use crate::{Identity, db, passwords, users::names::Names};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateUserRequest,
) -> Result<CreateUserResponse, Error> {
    let tenant = caller.tenant()?;
    let names = names(&ask)?;
    let settings = crate::tenants::read(app, caller).await?;
    let required = db::tenants::policy(&settings.mfa_policy) == MfaPolicy::Required;
    passwords::check(&ask.password, required, &names, &settings.name)?;
    // Before the transaction, which would be held open for as long as it takes.
    let place = app.hashing.place()?;
    let hash = app.hashing.hash(&place, &ask.password).await?;
    drop(place);

    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let id = Id::new();
    let language = if ask.language.is_empty() {
        &settings.language
    } else {
        &ask.language
    };
    if db::users::insert(&mut tx, tenant, id, &names, language, true)
        .await?
        .is_none()
    {
        return Err(taken(&mut tx, tenant, &names).await?);
    }
    db::passwords::set(&mut tx, tenant, id, &hash, passwords::KEY_VERSION).await?;
    let user = super::read(&mut tx, tenant, id).await?;
    tx.publish(Event::from(UserCreated {
        user: Some(super::nameless(user.clone())),
    }));
    tx.commit(CreateUserResponse { user: Some(user) }).await
}

fn names(ask: &CreateUserRequest) -> Result<Names, Error> {
    let names = Names::of(&ask.first_name, &ask.last_name, &ask.username, &ask.email)
        .ok_or_else(|| Error::field("username", "is too long"))?;
    if names.first_name.is_empty() {
        return Err(Error::field("first_name", "must not be blank"));
    }
    if names.last_name.is_empty() {
        return Err(Error::field("last_name", "must not be blank"));
    }
    Ok(names)
}

/// Says which of the two unique names another user has.
pub async fn taken(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    names: &Names,
) -> Result<Error, Error> {
    let same: Vec<User> = db::users::find(db, tenant, std::slice::from_ref(&names.email_key), &[])
        .await?
        .into_iter()
        .map(User::from)
        .collect();
    Ok(if same.is_empty() {
        ErrorReason::UsernameTaken.because("another user has this username")
    } else {
        ErrorReason::EmailTaken.because("another user has this email")
    })
}
