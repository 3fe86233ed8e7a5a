//! Keeps a record of an event.

use chrono::{DateTime, Utc};
use contract::{
    Id, feed,
    identity::{Event, Tenant, User, event::Kind},
};
use prost::Message as _;
use prost_types::Any;
use rpc::Error;
use sqlx::PgConnection;
use store::Tx;
use uuid::Uuid;

use super::describe::{Described, describe};
use crate::{NAME, db, db::audit_records::Row};

/// Keeps what a feed told, in the transaction of the consumer.
pub async fn run(tx: &mut Tx, about: &feed::Event, event: Any) -> Result<(), Error> {
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
        actor_email: email(tx, tenant, &actor).await?,
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
        // Events name nobody: this is all that the trail has of them besides
        // ids, with which it goes on telling who did what (requirement U-12).
        Some(user) => Ok(db::audit_records::forget_actor(tx, tenant, user).await?),
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

/// The address of the actor, where they live in this tenant. One who visits, an
/// operator of the platform, is told by their id alone: the trails of all
/// tenants that they ever visited could not forget them.
async fn email(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    actor: &feed::Actor,
) -> Result<String, Error> {
    let home = some(&actor.home_tenant_id)?.map_or(tenant, Id::from_uuid);
    match some(&actor.user_id)?.map(Id::<User>::from_uuid) {
        Some(user) if home == tenant => {
            let email = db::users::email(db, tenant, user).await?;
            Ok(email.unwrap_or_default())
        }
        _ => Ok(String::new()),
    }
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
