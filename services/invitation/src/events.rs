//! What follows here from what happened in identity.

use std::sync::Arc;

use contract::identity::{Event, event::Kind};
use rpc::Error;
use store::Tx;
use tokio::sync::Notify;

use crate::db::{invitations, mails};

/// Follows identity's feed.
pub(crate) struct FromIdentity {
    pub(crate) mail_queued: Arc<Notify>,
}

#[tonic::async_trait]
impl feed::Consumer for FromIdentity {
    type Event = Event;
    const PRODUCER: &'static str = "identity";

    async fn apply(
        &self,
        tx: &mut Tx,
        about: &contract::feed::Event,
        event: Event,
    ) -> Result<(), Error> {
        let tenant = tx
            .tenant_id()
            .ok_or_else(|| Error::fault("an event of no tenant"))?;
        match event.kind {
            Some(Kind::UserDeleted(deleted)) => {
                let user = deleted.user_id.parse()?;
                invitations::erase_user(tx, tenant, user).await?;
                mails::erase_user(tx, tenant, user).await?;
            }
            Some(Kind::PasswordResetRequested(asked)) => {
                // The mail has the id of the event: one event, one mail.
                mails::queue_reset(tx, tenant, about.id.parse()?, asked.user_id.parse()?).await?;
                let wake = self.mail_queued.clone();
                tx.after_commit(move || wake.notify_one());
            }
            _ => {}
        }
        Ok(())
    }
}
