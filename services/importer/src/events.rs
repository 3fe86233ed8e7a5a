//! What follows from events of other services.

use contract::{
    Id,
    feed::Event,
    identity::{self, User, event::Kind},
    importer::{self, UserErased},
};
use feed::Consumer;
use rpc::Error;
use store::Tx;

use crate::db;

/// Follows identity.
pub struct Identity;

#[tonic::async_trait]
impl Consumer for Identity {
    type Event = identity::Event;
    const PRODUCER: &'static str = "identity";

    async fn apply(&self, tx: &mut Tx, about: &Event, event: identity::Event) -> Result<(), Error> {
        let tenant = about.tenant_id.parse::<Id<identity::Tenant>>()?;
        // All others are not ours.
        if let Some(Kind::UserDeleted(deleted)) = event.kind {
            let user = deleted.user_id.parse::<Id<User>>()?;
            // By the addresses that the rows still hold.
            db::rows::forget_replies(tx, tenant.uuid(), user.uuid()).await?;
            store::forget_about(tx, tenant.uuid(), user.uuid()).await?;
            db::rows::erase_user(tx, tenant.uuid(), user.uuid()).await?;
            // Identity waits to hear of it, also where nothing was held.
            tx.publish(importer::Event::from(UserErased {
                user_id: deleted.user_id,
            }));
        }
        Ok(())
    }
}
