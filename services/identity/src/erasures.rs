//! Deleted users are erased everywhere, and every service says so (requirement
//! U-12).
//!
//! Identity's own data goes with the row of the user, in the transaction of the
//! deletion. The other services hear `UserDeleted`, erase what they hold in the
//! transaction of their cursor, and answer with a `UserErased` of their own.

pub mod age;
mod get;
mod list;

use contract::{
    Id, authorization,
    feed::Event,
    identity::{
        self, ErrorReason, GetErasureRequest, GetErasureResponse, ListErasuresRequest,
        ListErasuresResponse, Tenant, User, UserDeleted, erasure_service_server::ErasureService,
    },
    importer, invitation,
};
use prost_types::Any;
use rpc::{Because as _, Error, Reply};
use store::Tx;
use tonic::Request;

use crate::{Identity, db, timestamp};

/// The services that hold data of users. This one says so when the audit trail
/// has forgotten the person.
const SERVICES: [&str; 4] = ["authorization", "identity", "importer", "invitation"];

#[tonic::async_trait]
impl ErasureService for Identity {
    async fn get_erasure(&self, request: Request<GetErasureRequest>) -> Reply<GetErasureResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn list_erasures(
        &self,
        request: Request<ListErasuresRequest>,
    ) -> Reply<ListErasuresResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }
}

/// Has the other services erase a user whose row is gone with this transaction.
pub async fn begin(tx: &mut Tx, tenant: Id<Tenant>, user: Id<User>) -> Result<(), Error> {
    store::forget_about(tx, tenant.uuid(), user.uuid()).await?;
    db::attempts::erase(tx, tenant, user).await?;
    db::erasures::insert(tx, tenant, user, &SERVICES.map(String::from)).await?;
    tx.publish(identity::Event::from(UserDeleted {
        user_id: user.to_string(),
    }));
    Ok(())
}

/// Notes that a service has erased a user, where its event says so.
pub async fn hear(tx: &mut Tx, about: &Event, event: &Any) -> Result<(), Error> {
    let Some(user) = erased(about, event) else {
        return Ok(());
    };
    let tenant = about.tenant_id.parse()?;
    db::erasures::acknowledge(tx, tenant, user.parse()?, &about.producer).await?;
    Ok(())
}

/// The user whom an event says its producer has erased.
fn erased(about: &Event, event: &Any) -> Option<String> {
    match about.producer.as_str() {
        "authorization" => match event.to_msg::<authorization::Event>().ok()?.kind? {
            authorization::event::Kind::UserErased(fact) => Some(fact.user_id),
            _ => None,
        },
        // In the transaction in which the trail forgets.
        "identity" => match event.to_msg::<identity::Event>().ok()?.kind? {
            identity::event::Kind::UserDeleted(fact) => Some(fact.user_id),
            _ => None,
        },
        "importer" => match event.to_msg::<importer::Event>().ok()?.kind? {
            importer::event::Kind::UserErased(fact) => Some(fact.user_id),
            _ => None,
        },
        "invitation" => match event.to_msg::<invitation::Event>().ok()?.kind? {
            invitation::event::Kind::UserErased(fact) => Some(fact.user_id),
            _ => None,
        },
        _ => None,
    }
}

fn not_found() -> Error {
    ErrorReason::ErasureNotFound.because("no such user was deleted in this tenant lately")
}

impl From<db::erasures::Row> for identity::Erasure {
    fn from(row: db::erasures::Row) -> identity::Erasure {
        identity::Erasure {
            user_id: row.user_id.to_string(),
            pending_services: row.pending_services,
            create_time: Some(timestamp(row.create_time)),
            end_time: row.end_time.map(timestamp),
        }
    }
}
