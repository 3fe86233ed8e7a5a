//! What follows here from what becomes of users and service accounts in
//! identity.

use std::sync::Arc;

use contract::authorization::{UserErased, UserResumed, UserSuspended};
use contract::identity::event::Kind;
use contract::identity::{Event, User};
use feed::Consumer;
use rpc::{Error, Id};
use store::Tx;

use crate::check::Cache;
use crate::db;
use crate::revisions::announce;

/// Follows the users and service accounts of identity.
pub struct Users {
    /// Forgets what changed.
    pub cache: Arc<Cache>,
}

#[tonic::async_trait]
impl Consumer for Users {
    type Event = Event;

    const PRODUCER: &'static str = "identity";

    async fn apply(
        &self,
        tx: &mut Tx,
        _: &contract::feed::Event,
        event: Event,
    ) -> Result<(), Error> {
        match event.kind {
            Some(Kind::UserCreated(fact)) => learn(tx, &fact.user.unwrap_or_default().id).await,
            Some(Kind::UserDisabled(fact)) => self.suspend(tx, fact.user_id).await,
            Some(Kind::UserEnabled(fact)) => self.resume(tx, fact.user_id).await,
            Some(Kind::UserLocked(fact)) => lock(tx, &fact.user_id, true).await,
            Some(Kind::UserUnlocked(fact)) => lock(tx, &fact.user_id, false).await,
            Some(Kind::UserDeleted(fact)) => self.erase(tx, fact.user_id).await,
            Some(Kind::ServiceAccountCreated(fact)) => {
                learn_service_account(tx, &fact.service_account_id).await
            }
            Some(Kind::ServiceAccountDisabled(fact)) => {
                self.suspend(tx, fact.service_account_id).await
            }
            Some(Kind::ServiceAccountEnabled(fact)) => {
                self.resume(tx, fact.service_account_id).await
            }
            Some(Kind::ServiceAccountDeleted(fact)) => {
                self.erase(tx, fact.service_account_id).await
            }
            // Not ours.
            _ => Ok(()),
        }
    }
}

async fn learn(tx: &mut Tx, user: &str) -> Result<(), Error> {
    let tenant = tx
        .tenant_id()
        .ok_or_else(|| Error::fault("an event without a tenant"))?;
    db::tenants::lock(tx, tenant).await?;
    db::subjects::learn(tx, tenant, &[user.parse()?], false).await?;
    Ok(())
}

async fn learn_service_account(tx: &mut Tx, id: &str) -> Result<(), Error> {
    let tenant = tx
        .tenant_id()
        .ok_or_else(|| Error::fault("an event without a tenant"))?;
    db::tenants::lock(tx, tenant).await?;
    db::subjects::learn_service_account(tx, tenant, id.parse()?, false).await?;
    Ok(())
}

async fn lock(tx: &mut Tx, user: &str, locked: bool) -> Result<(), Error> {
    let tenant = tx
        .tenant_id()
        .ok_or_else(|| Error::fault("an event without a tenant"))?;
    db::tenants::lock(tx, tenant).await?;
    db::subjects::lock(tx, tenant, user.parse()?, locked).await?;
    Ok(())
}

impl Users {
    /// Nothing that the user holds counts; the seat stays used.
    async fn suspend(&self, tx: &mut Tx, user_id: String) -> Result<(), Error> {
        if let Some(revision) = set_suspended(tx, user_id.parse()?, true).await? {
            announce(&self.cache, tx, UserSuspended { user_id, revision });
        }
        Ok(())
    }

    async fn resume(&self, tx: &mut Tx, user_id: String) -> Result<(), Error> {
        if let Some(revision) = set_suspended(tx, user_id.parse()?, false).await? {
            announce(&self.cache, tx, UserResumed { user_id, revision });
        }
        Ok(())
    }

    /// All that hangs on the user goes, so that nothing is left for whoever
    /// gets the same address (U-12). Identity waits to hear of it, also where
    /// nothing was held.
    async fn erase(&self, tx: &mut Tx, user_id: String) -> Result<(), Error> {
        let tenant = tx
            .tenant_id()
            .ok_or_else(|| Error::fault("an event without a tenant"))?;
        let user = user_id.parse()?;
        let prepared = db::tenants::lock(tx, tenant).await?.is_some();
        db::subjects::erase(tx, tenant, user).await?;
        let revision = if prepared {
            db::bindings::delete_all(tx, tenant, user).await?;
            db::groups::forget_all(tx, tenant, user).await?;
            db::seats::free(tx, tenant, &[user]).await?;
            db::tenants::advance(tx, tenant, 1).await?
        } else {
            0
        };
        let revision = revision.to_string();
        announce(&self.cache, tx, UserErased { user_id, revision });
        Ok(())
    }
}

/// The revision of the change, where it is one.
async fn set_suspended(
    tx: &mut Tx,
    user: Id<User>,
    suspended: bool,
) -> Result<Option<String>, Error> {
    let tenant = tx
        .tenant_id()
        .ok_or_else(|| Error::fault("an event without a tenant"))?;
    let prepared = db::tenants::lock(tx, tenant).await?.is_some();
    if !db::subjects::suspend(tx, tenant, user, suspended).await? || !prepared {
        return Ok(None);
    }
    Ok(Some(db::tenants::advance(tx, tenant, 1).await?.to_string()))
}
