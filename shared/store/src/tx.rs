//! A transaction in a tenant.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use contract::{
    Id,
    identity::{Tenant, User},
};
use rpc::{Caller, Error};
use sqlx::{PgConnection, Postgres, Transaction};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    Store,
    outbox::{self, Actor, Pending},
    replay::Request,
    shard_of,
};

/// A transaction. It is the connection too: SQL functions take `&mut tx`.
/// Dropped without a commit it is rolled back, and nothing was published.
pub struct Tx {
    sql: Transaction<'static, Postgres>,
    store: Store,
    tenant: Option<Id<Tenant>>,
    actor: Actor,
    events: Vec<Pending>,
    /// Events were published while no tenant was set.
    homeless: bool,
    hooks: Vec<Box<dyn FnOnce() + Send>>,
    request: Option<Request>,
    reply: Option<Vec<u8>>,
}

impl Tx {
    pub(crate) fn new(
        sql: Transaction<'static, Postgres>,
        store: Store,
        tenant: Option<Id<Tenant>>,
        actor: Actor,
    ) -> Tx {
        Tx {
            sql,
            store,
            tenant,
            actor,
            events: Vec::new(),
            homeless: false,
            hooks: Vec::new(),
            request: None,
            reply: None,
        }
    }

    pub(crate) async fn claim(&mut self, request: Request) -> Result<(), Error> {
        self.reply = request
            .claim(&mut self.sql, self.store.keys(), self.store.service())
            .await?;
        self.request = Some(request);
        Ok(())
    }

    /// The reply that this request got before, which the handler returns at
    /// once: the transaction has nothing to do.
    pub fn replay<R: prost::Message + Default>(&self) -> Result<Option<R>, Error> {
        Ok(self.reply.as_deref().map(R::decode).transpose()?)
    }

    /// The tenant of the transaction; `None` for a worker that has not
    /// switched to one.
    #[must_use]
    pub fn tenant_id(&self) -> Option<Id<Tenant>> {
        self.tenant
    }

    /// From here on the transaction is in another tenant. For workers: what
    /// they publish next happened there. A worker still sees every row.
    pub async fn switch_tenant(&mut self, tenant: Id<Tenant>) -> Result<(), Error> {
        sqlx::query("SELECT set_config('usher.tenant', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *self.sql)
            .await?;
        self.tenant = Some(tenant);
        Ok(())
    }

    /// Says who acts, where that was learnt only during the transaction, as in
    /// logging in. Holds for all events of the transaction.
    pub fn set_actor(&mut self, user: Id<User>, home: Id<Tenant>) {
        let events = self.events.iter_mut().map(|event| &mut event.actor);
        for actor in events.chain([&mut self.actor]) {
            actor.user = Some(user.uuid());
            actor.home = Some(home.uuid());
        }
    }

    /// From here on the transaction acts for another caller in its tenant: what
    /// was published before stays the doing of the former one. For consumers.
    pub fn act_for(&mut self, caller: &Caller) {
        self.actor = Actor::of(caller);
    }

    /// Publishes an event, the `Event` message of the service's package, in the
    /// transaction's tenant. It exists once the transaction is committed; what
    /// is answered is the id that it will have.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the event is over once it is said"
    )]
    pub fn publish<E: prost::Message + prost::Name>(&mut self, event: E) -> Uuid {
        let id = Id::<()>::new().uuid();
        let Some(tenant) = self.tenant else {
            self.homeless = true;
            return id;
        };
        self.events.push(Pending {
            id,
            tenant: tenant.uuid(),
            shard: i32::try_from(shard_of(tenant)).unwrap_or_default(),
            payload_type: E::full_name(),
            payload: event.encode_to_vec(),
            actor: self.actor.clone(),
        });
        id
    }

    /// Runs `f` once the transaction is committed, and never otherwise: for
    /// forgetting what this process had cached, and for waking workers.
    pub fn after_commit(&mut self, f: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(f));
    }

    /// Commits, remembering the reply for the request's id, and answers it.
    pub async fn commit<R: prost::Message>(self, reply: R) -> Result<R, Error> {
        let kept = self.request.is_some().then(|| reply.encode_to_vec());
        self.finish(kept).await?;
        Ok(reply)
    }

    /// Commits a reply that holds a secret: the request's id is remembered and
    /// the reply is not, so a repetition has no effect and is refused with
    /// `REQUEST_ID_REUSED`.
    pub async fn commit_secret<R>(self, reply: R) -> Result<R, Error> {
        self.finish(None).await?;
        Ok(reply)
    }

    /// Commits where there is no reply to remember: background work, consumers.
    pub async fn done(self) -> Result<(), Error> {
        self.finish(None).await
    }

    async fn finish(mut self, reply: Option<Vec<u8>>) -> Result<(), Error> {
        if self.homeless {
            return Err(Error::fault("an event was published outside of any tenant"));
        }
        let published = !self.events.is_empty();
        if published || self.request.is_some() {
            let request = self.request.as_ref();
            outbox::write(&mut self.sql, &self.events, request, reply.as_deref()).await?;
        }
        // As a task of its own: a caller who goes away now must not keep the
        // hooks of a committed transaction from running.
        let committing = async move {
            self.sql.commit().await?;
            for hook in self.hooks {
                hook();
            }
            if published {
                self.store.tell_committed();
            }
            Ok(())
        };
        tokio::spawn(committing.in_current_span()).await?
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.sql
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.sql
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tx")
            .field("tenant", &self.tenant)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}
