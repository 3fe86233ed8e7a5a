//! Asks authorization whether a caller holds a permission.

use std::time::Duration;

use contract::Id;
use contract::authorization::CheckRequest;
use contract::authorization::access_service_client::AccessServiceClient;
use contract::identity::{Tenant, User};
use quick_cache::sync::Cache;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Caller, Channel, Error};

/// How long a yes holds, counted from the moment of asking. Reading it never
/// makes it hold longer.
const FRESH: Duration = Duration::from_secs(1);

type Key = (Uuid, Uuid, &'static str);

/// The decisions of authorization. Only a yes is remembered: whoever was just
/// granted a permission is let in at once.
pub struct Decisions {
    authorization: Channel,
    granted: Cache<Key, Instant>,
}

impl Decisions {
    /// Asks by this channel, which calls as a service.
    #[must_use]
    pub fn new(authorization: Channel) -> Self {
        Self {
            authorization,
            granted: Cache::new(50_000),
        }
    }

    /// Whether a yes from less than a second ago is at hand.
    pub(crate) fn known(
        &self,
        tenant: Id<Tenant>,
        user: Id<User>,
        permission: &'static str,
    ) -> bool {
        self.granted
            .get(&(tenant.uuid(), user.uuid(), permission))
            .is_some_and(|asked| asked.elapsed() < FRESH)
    }

    /// Whether the user holds the permission on the tenant.
    pub async fn check(
        &self,
        tenant: Id<Tenant>,
        user: Id<User>,
        permission: &'static str,
    ) -> Result<bool, Error> {
        if self.known(tenant, user, permission) {
            return Ok(true);
        }
        let asked = Instant::now();
        // Without an actor: the actor's right to ask would be a question, too.
        let system = Caller {
            tenant: Some(tenant),
            ..Caller::anonymous(crate::caller::fresh_request_id())
        };
        let mut client = AccessServiceClient::new(self.authorization.on_behalf_of(&system));
        let ask = CheckRequest {
            user_id: user.to_string(),
            permission: permission.to_owned(),
            ..Default::default()
        };
        let (_, reply, _) = client.check(ask).await?.into_parts();
        if reply.allowed {
            self.granted
                .insert((tenant.uuid(), user.uuid(), permission), asked);
        }
        Ok(reply.allowed)
    }
}
