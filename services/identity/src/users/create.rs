//! Creates a user who can log in at once.

use contract::{
    Id,
    identity::{
        CreateUserRequest, CreateUserResponse, ErrorReason, Event, Tenant, User, UserCreated,
    },
};
use rpc::{Because as _, Caller, Error};
use sqlx::PgConnection;

use super::fields;
use crate::{
    Identity, db, domains,
    passwords::{self, first::First},
    properties::values,
    tenants,
    users::names::Names,
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateUserRequest,
) -> Result<CreateUserResponse, Error> {
    let tenant = caller.tenant()?;
    // Before anything is hashed: a repetition costs nothing, and is answered
    // though the password would be refused by now.
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let names = names(&mut tx, tenant, &ask).await?;
    let password = if let Some(ready) = First::ready(&ask)? {
        ready
    } else {
        // Hashing takes longer than a transaction should be held open.
        let terms = passwords::terms(app, &mut tx, tenant, &names).await?;
        drop(tx);
        let hashed = First::hashed(app, &ask, terms).await?;
        tx = app.store.begin(caller, &ask).await?;
        if let Some(reply) = tx.replay()? {
            return Ok(reply);
        }
        // Again, to hold the domain from here on.
        domains::username(&mut tx, tenant, &names.username).await?;
        hashed
    };
    let id = Id::new();
    let settings = db::tenants::get(&mut tx, tenant)
        .await?
        .ok_or_else(tenants::not_found)?;
    let defined = db::properties::hold_all(&mut tx, tenant).await?;
    let properties = values::begin(&defined, &ask.properties)?;
    let details = fields::details(&fields::of_new(&ask), &settings.language, properties)?;
    if db::users::insert(&mut tx, tenant, id, &names, &details, true)
        .await?
        .is_none()
    {
        return Err(taken(&mut tx, tenant, &names).await?);
    }
    password
        .keep(app, &mut tx, tenant, id, &names.email)
        .await?;
    let user = super::read(&mut tx, tenant, id).await?;
    tx.publish(Event::from(UserCreated {
        user: Some(super::nameless(user.clone())),
    }));
    tx.commit(CreateUserResponse { user: Some(user) }).await
}

async fn names(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ask: &CreateUserRequest,
) -> Result<Names, Error> {
    let username = match ask.username.trim() {
        "" => &ask.email,
        _ => &ask.username,
    };
    let username = domains::username(db, tenant, username).await?;
    let names = Names::of(&ask.first_name, &ask.last_name, &username, &ask.email)
        .ok_or_else(|| Error::field("username", "is too long"))?;
    super::not_blank(&names)?;
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
