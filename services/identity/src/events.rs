//! What identity does about events: it writes them all into the audit trail,
//! and forgets the sessions in memory that its own say have ended.

use contract::feed::Event;
use prost_types::Any;
use rpc::Error;
use store::Tx;

use crate::audit::{self, seal::Sealer};

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
                audit::record::run(&self.0, tx, about, event).await
            }
        }
    };
}

trail!(OfIdentity, "identity");
trail!(OfAuthorization, "authorization");
trail!(OfInvitation, "invitation");
trail!(OfImporter, "importer");
