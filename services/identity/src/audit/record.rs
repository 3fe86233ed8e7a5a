//! Keeps a record of an event.

use chrono::{DateTime, Utc};
use contract::{
    Id, feed,
    identity::{Event, Tenant, User, UserActivated, UserCreated, event::Kind},
};
use prost::Message as _;
use prost_types::Any;
use rpc::{Caller, Error};
use sqlx::PgConnection;
use store::{Store, Tx};
use uuid::Uuid;

use super::describe::{Described, describe};
use crate::{NAME, db, db::audit_records::Row};

/// Keeps what a feed told, in the transaction of the consumer.
pub async fn run(store: &Store, tx: &mut Tx, about: &feed::Event, event: Any) -> Result<(), Error> {
    let tenant: Id<Tenant> = about.tenant_id.parse()?;
    let event_type = event
        .type_url
        .rsplit_once('/')
        .map_or("", |(_, name)| name)
        .to_owned();
    let Described { action, target } = describe(&event_type, &event.value)?;
    let actor = about.actor.clone().unwrap_or_default();
    let row = Row {
        id: about.id.parse()?,
        occur_time: occurred(about)?,
        producer: about.producer.clone(),
        action,
        actor_user_id: some(&actor.user_id)?,
        actor_email: email(store, tx, tenant, &actor).await?,
        actor_service: actor.service,
        actor_address: actor.address,
        actor_home_tenant_id: some(&actor.home_tenant_id)?,
        target_id: target,
        request_id: about.request_id.clone(),
        event_type,
        event: event.value,
    };
    let erased = erased(&row)?;
    db::audit_records::insert(tx, tenant, &row).await?;
    match erased {
        Some(user) => erase(tx, tenant, user).await,
        None => Ok(()),
    }
}

fn occurred(about: &feed::Event) -> Result<DateTime<Utc>, Error> {
    let time = about.occur_time.unwrap_or_default();
    let nanos = u32::try_from(time.nanos).unwrap_or_default();
    DateTime::from_timestamp(time.seconds, nanos).ok_or_else(|| Error::fault("an event at no time"))
}

fn some(id: &str) -> Result<Option<Uuid>, Error> {
    Ok(if id.is_empty() {
        None
    } else {
        Some(id.parse()?)
    })
}

/// The address of the actor, looked up where they live.
async fn email(
    store: &Store,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    actor: &feed::Actor,
) -> Result<String, Error> {
    let Some(user) = some(&actor.user_id)?.map(Id::<User>::from_uuid) else {
        return Ok(String::new());
    };
    let home = some(&actor.home_tenant_id)?.map_or(tenant, Id::from_uuid);
    let email = if home == tenant {
        db::users::email(tx, tenant, user).await?
    } else {
        let mut elsewhere = store.read(&Caller::system(NAME, home)).await?;
        db::users::email(&mut elsewhere, home, user).await?
    };
    Ok(email.unwrap_or_default())
}

/// The user whom an event erases.
fn erased(row: &Row) -> Result<Option<Id<User>>, Error> {
    if row.producer != NAME || row.action != "user_deleted" {
        return Ok(None);
    }
    match Event::decode(row.event.as_slice())?.kind {
        Some(Kind::UserDeleted(deleted)) => Ok(Some(deleted.user_id.parse()?)),
        _ => Ok(None),
    }
}

/// Takes name and address of a deleted user out of the tenant's trail; the ids
/// stay, and with them who did what (requirement U-12).
async fn erase(db: &mut PgConnection, tenant: Id<Tenant>, user: Id<User>) -> Result<(), Error> {
    let bare = User {
        id: user.to_string(),
        tenant_id: tenant.to_string(),
        ..User::default()
    };
    let activated = UserActivated {
        user_id: user.to_string(),
        email: String::new(),
    };
    let created = Event::from(UserCreated { user: Some(bare) }).encode_to_vec();
    let activated = Event::from(activated).encode_to_vec();
    db::audit_records::redact(db, tenant, user, "user_created", &created).await?;
    db::audit_records::redact(db, tenant, user, "user_activated", &activated).await?;
    db::audit_records::forget_actor(db, tenant, user).await?;
    Ok(())
}
