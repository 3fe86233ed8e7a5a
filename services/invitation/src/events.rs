//! What follows here from what happened in identity.

use std::sync::Arc;

use contract::{
    identity::{
        self, FactorRemoved, FactorsReset, RecoveryCodeUsed, RecoveryCodesCreated, SmsEnrolled,
        TotpEnrolled, event::Kind as Event,
    },
    invitation::{self, UserErased},
};
use rpc::Error;
use store::Tx;
use tokio::sync::Notify;

use crate::db::{
    MailId, invitations,
    mails::{self, Kind, Priority},
};

/// The most notices of one kind to one user in an hour.
const NOTICES_AN_HOUR: i64 = 3;

/// Follows identity's feed.
pub(crate) struct FromIdentity {
    pub(crate) mail_queued: Arc<Notify>,
}

#[tonic::async_trait]
impl feed::Consumer for FromIdentity {
    type Event = identity::Event;
    const PRODUCER: &'static str = "identity";

    async fn apply(
        &self,
        tx: &mut Tx,
        about: &contract::feed::Event,
        event: identity::Event,
    ) -> Result<(), Error> {
        let tenant = tx.tenant_id().ok_or_else(homeless)?;
        match event.kind {
            Some(Event::UserDeleted(deleted)) => {
                let user = deleted.user_id.parse()?;
                invitations::erase_user(tx, tenant, user).await?;
                mails::erase_user(tx, tenant, user).await?;
                store::forget_about(tx, tenant.uuid(), user.uuid()).await?;
                // Identity waits to hear of it, also where nothing was held.
                tx.publish(invitation::Event::from(UserErased {
                    user_id: deleted.user_id,
                }));
            }
            Some(Event::PasswordResetRequested(asked)) => {
                // The mail has the id of the event: one event, one mail.
                let (id, kind) = (about.id.parse()?, Kind::PasswordReset);
                self.queue(tx, id, kind, &asked.user_id, Priority::High)
                    .await?;
            }
            Some(
                Event::TotpEnrolled(TotpEnrolled { user_id })
                | Event::SmsEnrolled(SmsEnrolled { user_id })
                | Event::FactorRemoved(FactorRemoved { user_id, .. })
                | Event::RecoveryCodesCreated(RecoveryCodesCreated { user_id })
                | Event::RecoveryCodeUsed(RecoveryCodeUsed { user_id, .. })
                | Event::FactorsReset(FactorsReset { user_id }),
            ) => {
                let (id, kind) = (about.id.parse()?, Kind::FactorsChanged);
                self.queue(tx, id, kind, &user_id, Priority::High).await?;
            }
            Some(Event::UserEmailChanged(changed)) => {
                // One to the former address, under the id of the change, and one
                // to the new, under the id of the event.
                let (user, change) = (changed.user_id.parse()?, changed.change_id.parse()?);
                mails::queue_to_former(tx, tenant, user, change).await?;
                let (id, kind) = (about.id.parse()?, Kind::EmailChanged);
                self.queue(tx, id, kind, &changed.user_id, Priority::High)
                    .await?;
            }
            Some(Event::TemporaryPasswordRequested(asked)) => {
                let (id, kind) = (asked.mail_id.parse()?, Kind::TemporaryPassword);
                self.queue(tx, id, kind, &asked.user_id, Priority::High)
                    .await?;
            }
            Some(Event::PasswordExpiring(expiring)) => {
                let (id, kind) = (about.id.parse()?, Kind::PasswordExpiry);
                self.queue(tx, id, kind, &expiring.user_id, Priority::Bulk)
                    .await?;
            }
            Some(Event::UserLockedOut(locked)) => {
                self.notify(tx, about, Kind::LockedOut, &locked.user_id)
                    .await?;
            }
            Some(Event::LoginSucceeded(login)) if login.device_unfamiliar => {
                self.notify(tx, about, Kind::NewDevice, &login.user_id)
                    .await?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl FromIdentity {
    async fn queue(
        &self,
        tx: &mut Tx,
        id: MailId,
        kind: Kind,
        user_id: &str,
        priority: Priority,
    ) -> Result<(), Error> {
        let tenant = tx.tenant_id().ok_or_else(homeless)?;
        mails::queue(tx, tenant, id, kind, user_id.parse()?, priority).await?;
        let wake = self.mail_queued.clone();
        tx.after_commit(move || wake.notify_one());
        Ok(())
    }

    /// Queues a notice, of which a user gets no more than a few an hour. The mail
    /// has the id of the event: one event, one mail.
    async fn notify(
        &self,
        tx: &mut Tx,
        about: &contract::feed::Event,
        kind: Kind,
        user_id: &str,
    ) -> Result<(), Error> {
        let (tenant, user) = (tx.tenant_id().ok_or_else(homeless)?, user_id.parse()?);
        mails::queue_notice(tx, tenant, about.id.parse()?, kind, user, NOTICES_AN_HOUR).await?;
        let wake = self.mail_queued.clone();
        tx.after_commit(move || wake.notify_one());
        Ok(())
    }
}

fn homeless() -> Error {
    Error::fault("an event of no tenant")
}
