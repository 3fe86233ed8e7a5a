//! What identity does about events: it writes them all into the audit trail,
//! notes which services have erased a deleted user, forgets the sessions in memory
//! that its own say have ended, and what waited for a mail that was sent.

use contract::{
    feed::Event,
    invitation::{self, MailKind, event::Kind},
};
use prost_types::Any;
use rpc::Error;
use store::Tx;

use crate::{
    audit::{self, seal::Sealer},
    db, erasures,
};

/// Writes the feed of one service into the trail.
macro_rules! trail {
    ($name:ident, $producer:literal) => {
        #[doc = concat!("Writes the feed of ", $producer, " into the audit trail.")]
        #[derive(Clone)]
        pub struct $name(pub Sealer);

        #[tonic::async_trait]
        impl feed::Consumer for $name {
            type Event = Any;

            const PRODUCER: &'static str = $producer;
            const NAME: &'static str = "audit";

            async fn apply(&self, tx: &mut Tx, about: &Event, event: Any) -> Result<(), Error> {
                erasures::hear(tx, about, &event).await?;
                audit::record::run(&self.0, tx, about, event).await
            }
        }
    };
}

trail!(OfIdentity, "identity");
trail!(OfAuthorization, "authorization");
trail!(OfInvitation, "invitation");
trail!(OfImporter, "importer");

/// Ends temporary passwords that waited for mails, when these are over.
#[derive(Clone, Copy)]
pub struct PasswordMails;

#[tonic::async_trait]
impl feed::Consumer for PasswordMails {
    type Event = invitation::Event;

    const PRODUCER: &'static str = "invitation";
    const NAME: &'static str = "passwords";

    async fn apply(
        &self,
        tx: &mut Tx,
        _about: &Event,
        event: invitation::Event,
    ) -> Result<(), Error> {
        let (kind, mail) = match event.kind {
            Some(Kind::MailSent(sent)) => (sent.kind(), sent.mail_id),
            Some(Kind::MailFailed(failed)) => (failed.kind(), failed.mail_id),
            _ => return Ok(()),
        };
        let tenant = tx
            .tenant_id()
            .ok_or_else(|| Error::fault("an event of no tenant"))?;
        if kind == MailKind::TemporaryPassword {
            db::password_mails::end(tx, tenant, mail.parse()?).await?;
        }
        Ok(())
    }
}
