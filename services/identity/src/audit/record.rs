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
use store::{Keys, Tx};
use uuid::Uuid;

use super::{
    chain, changes,
    describe::{Described, describe},
    seal::Sealer,
};
use crate::{NAME, db, db::audit_records::Row};

/// Keeps what a feed told, in the transaction of the consumer.
pub async fn run(
    sealer: &Sealer,
    tx: &mut Tx,
    about: &feed::Event,
    event: Any,
) -> Result<(), Error> {
    let tenant: Id<Tenant> = about.tenant_id.parse()?;
    // First of all: nobody else's record can then be under way with the address
    // of a user whose deletion this one tells.
    let head = db::audit_heads::lock(tx, tenant).await?;
    let mut row = told(about, &event)?;
    personal(tx, tenant, about, &mut row).await?;
    let head = sealer.seal(tenant, &head, &mut row)?;
    if !db::audit_records::insert(tx, tenant, &row).await? {
        return Ok(());
    }
    db::audit_heads::advance(tx, tenant, &head).await?;
    if let Some(user) = erased(&row)? {
        // Events name nobody: this is all that the trail has of them besides
        // ids, with which it goes on telling who did what (requirement U-12).
        // Here and not with the user: the trail tells why it is gone.
        db::audit_records::forget_actor(tx, tenant, user).await?;
        db::audit_changes::forget(tx, tenant, user).await?;
    }
    Ok(())
}

/// What the event tells, which is nobody's.
fn told(about: &feed::Event, event: &Any) -> Result<Row, Error> {
    let event_type = match event.type_url.rsplit_once('/') {
        Some((_, name)) => name.to_owned(),
        None => String::new(),
    };
    let Described {
        action,
        target,
        encoded,
        ..
    } = describe(&event_type, &event.value)?;
    let actor = about.actor.clone().unwrap_or_default();
    Ok(Row {
        id: about.id.parse()?,
        occur_time: occurred(about)?,
        producer: about.producer.clone(),
        action,
        actor_user_id: some(&actor.user_id)?,
        actor_service: actor.service,
        actor_address: actor.address,
        actor_home_tenant_id: some(&actor.home_tenant_id)?,
        actor_email: String::new(),
        target_id: target,
        request_id: about.request_id.clone(),
        event_type,
        event: encoded,
        sequence: 0,
        hash: Vec::new(),
        actor_email_commitment: Vec::new(),
        actor_email_salt: None,
        changes_commitment: Vec::new(),
        changes_salt: None,
        changes: None,
    })
}

/// Adds what goes with a person, and commits to it.
async fn personal(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    about: &feed::Event,
    row: &mut Row,
) -> Result<(), Error> {
    let actor = about.actor.clone().unwrap_or_default();
    row.actor_email = email(tx, tenant, &actor).await?;
    if !row.actor_email.is_empty() {
        let salt = Keys::salt();
        row.actor_email_commitment = chain::of_email(&salt, &row.actor_email).to_vec();
        row.actor_email_salt = Some(salt.to_vec());
    }
    if row.producer == NAME
        && let Some(kept) = db::audit_changes::of_event(tx, tenant, row.id).await?
    {
        let changes = changes::decode(&kept.changes)?;
        row.changes_commitment = chain::of_changes(&kept.salt, &changes).to_vec();
        row.changes_salt = Some(kept.salt);
        row.changes = Some(kept.changes);
    }
    Ok(())
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
