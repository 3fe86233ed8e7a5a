//! Changes what is known of a user (requirement U-06), their address and their
//! username.

use contract::{
    Id, errors,
    identity::{
        ErrorReason, Event, Tenant, UpdateUserRequest, UpdateUserResponse, User, UserFields,
        UserUpdated,
    },
};
use prost_types::FieldMask;
use rpc::{Because as _, Caller, Error};
use store::Tx;

use super::{email_change, fields, names};
use crate::{
    Identity,
    audit::changes,
    authority,
    db::{
        self,
        users::{Details, Row},
    },
    domains,
    factors::own::Own,
    masks,
    properties::values::{self, Values},
    users::names::Names,
};

/// What lets a caller change all of a user.
const PERMISSION: &str = "users.update";
/// What nobody changes of themselves without it.
const NOT_ONES_OWN: [&str; 5] = [
    "*",
    "username",
    "email",
    "active_directory_id",
    "classification_level_id",
];

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: UpdateUserRequest,
) -> Result<UpdateUserResponse, Error> {
    let (tenant, id) = caller.whose(&ask.user_id)?;
    let caller = &caller.acting_in(tenant);
    if let Some(reply) = app.store.begin(caller, &ask).await?.replay()? {
        return Ok(reply);
    }
    let whole = rights(app, caller, id, ask.update_mask.as_ref()).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let (was, row) = change(app, &mut tx, tenant, id, &ask, whole).await?;
    if caller.user == Some(id) && (&was.email, &was.username) != (&row.email, &row.username) {
        // Whoever reads there, or is named so, can be let in.
        Own::of(caller)?.fresh(&mut tx).await?;
    }
    let changes = changes::of(&fields::all(&was), &fields::all(&row))?;
    if !changes.is_empty() {
        let event = tx.publish(Event::from(UserUpdated {
            user_id: id.to_string(),
            changed_fields: changes.iter().map(|one| one.field.clone()).collect(),
        }));
        changes::keep(&mut tx, event, id, changes).await?;
    }
    tx.commit(UpdateUserResponse {
        user: Some(row.into()),
    })
    .await
}

/// Whether the caller may change all of the user, or what is one's own. Refuses
/// where they may not change what the mask names.
async fn rights(
    app: &Identity,
    caller: &Caller,
    id: Id<User>,
    mask: Option<&FieldMask>,
) -> Result<bool, Error> {
    if caller.user != Some(id) {
        authority::may_change(app, caller, id).await?;
        return Ok(true);
    }
    let whole = authority::holds(app, caller, PERMISSION).await?;
    let beyond = |path: &&String| NOT_ONES_OWN.contains(&path.as_str());
    match mask.and_then(|mask| mask.paths.iter().find(beyond)) {
        Some(path) if !whole => Err(denied(path)),
        _ => Ok(whole),
    }
}

/// Carries the change out. The user as they were, and as they are.
async fn change(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    id: Id<User>,
    ask: &UpdateUserRequest,
    whole: bool,
) -> Result<(Row, Row), Error> {
    let (given, mask) = (
        ask.user.clone().unwrap_or_default(),
        ask.update_mask.clone().unwrap_or_default(),
    );
    let with_properties = mask
        .paths
        .iter()
        .any(|path| path == "properties" || path == "*");
    // Before the user: whoever deletes a property takes both in this order.
    let defined = if with_properties {
        db::properties::hold_all(tx, tenant).await?
    } else {
        Vec::new()
    };
    db::users::lock_any(tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    let row = get(tx, tenant, id).await?;
    if !ask.etag.is_empty() && ask.etag != row.version.to_string() {
        return Err(mismatch(row.version));
    }
    let mut values = row.properties.0.clone();
    if with_properties {
        if !whole {
            users_own(&defined, &given)?;
        }
        values::change(&defined, &mut values, &given.properties)?;
    }
    let merged = masks::merge(&fields::of(&row), &given, &mask, &[])?;
    let names = renamed(tx, tenant, &row, &merged).await?;
    let details = detailed(tx, tenant, &merged, values).await?;
    if differs(&row, &names, &details) {
        if names.email_key != names::key(&row.email) {
            let addresses = [row.email.as_str(), names.email.as_str()];
            email_change::note(app, tx, tenant, id, addresses).await?;
        }
        let updated = db::users::update(tx, tenant, id, &names, &details).await;
        updated.map_err(taken)?;
    }
    let now = get(tx, tenant, id).await?;
    Ok((row, now))
}

/// Refuses properties that the tenant does not leave to its users.
fn users_own(defined: &[db::properties::Row], given: &UserFields) -> Result<(), Error> {
    for property in &given.properties {
        let row = defined.iter().find(|row| row.name == property.name);
        if row.is_some_and(|row| !row.user_editable) {
            return Err(denied(&format!("properties[{:?}]", property.name)));
        }
    }
    Ok(())
}

/// The names after the change, if the user can have them.
async fn renamed(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    row: &Row,
    merged: &UserFields,
) -> Result<Names, Error> {
    if merged.email.is_empty() {
        return Err(Error::field("email", "must not be empty"));
    }
    let username = match merged.username.trim() {
        "" => &merged.email,
        _ => &merged.username,
    };
    let username = if names::key(username) == names::key(&row.username) {
        username.clone()
    } else {
        domains::username(tx, tenant, username).await?
    };
    let names = Names::of(
        &merged.first_name,
        &merged.last_name,
        &username,
        &merged.email,
    )
    .ok_or_else(|| Error::field("username", "is too long"))?;
    super::not_blank(&names)?;
    let same = names.email_key == names::key(&row.email)
        && names.username_key == names::key(&row.username);
    if row.setup_time.is_none() && !same {
        return Err(ErrorReason::SetupPending.because(
            "address and username do not change before the user has finished their set-up",
        ));
    }
    Ok(names)
}

async fn detailed(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    merged: &UserFields,
    values: Values,
) -> Result<Details, Error> {
    let settings = db::tenants::get(tx, tenant)
        .await?
        .ok_or_else(super::not_found)?;
    fields::details(merged, &settings.language, values)
}

async fn get(tx: &mut Tx, tenant: Id<Tenant>, id: Id<User>) -> Result<Row, Error> {
    db::users::get(tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)
}

/// Whether there is anything to write.
fn differs(row: &Row, names: &Names, details: &Details) -> bool {
    (&row.first_name, &row.last_name, &row.username, &row.email)
        != (
            &names.first_name,
            &names.last_name,
            &names.username,
            &names.email,
        )
        || row.properties.0 != details.properties
        || (&row.phone, &row.time_zone, &row.language, &row.avatar_uri)
            != (
                &details.phone,
                &details.time_zone,
                &details.language,
                &details.avatar_uri,
            )
        || row.active_directory_id != details.active_directory_id
        || row.classification_level_id != details.classification_level_id
}

fn denied(what: &str) -> Error {
    errors::ErrorReason::PermissionDenied
        .because(format!("changing {what} needs the permission {PERMISSION}"))
        .with("permission", PERMISSION)
}

fn mismatch(version: i64) -> Error {
    errors::ErrorReason::EtagMismatch
        .because("somebody changed the user since they were read")
        .with("etag", version)
}

/// Says which of the two unique names another user has.
fn taken(error: sqlx::Error) -> Error {
    let index = error
        .as_database_error()
        .and_then(|error| error.constraint());
    match index {
        Some("users_by_username") => {
            ErrorReason::UsernameTaken.because("another user has this username")
        }
        Some("users_by_email") => ErrorReason::EmailTaken.because("another user has this email"),
        _ => error.into(),
    }
}
