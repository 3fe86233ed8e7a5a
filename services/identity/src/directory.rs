//! What identity knows of roles, groups and seats: a mirror of what
//! authorization tells, so that one query lists users by it (requirements U-07
//! to U-09). Authorization stays the one that decides; here it is only found.
//!
//! The mirror fills itself from the start of authorization's feed, and its
//! revision says how far it has come.

mod mirror;

use std::time::Duration;

use contract::identity::ErrorReason;
use rpc::{Because as _, Caller, Error};
use store::Store;
use tokio::time::Instant;

pub use mirror::Mirror;

use crate::{Identity, db};

/// How long a call waits for a revision.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks: another replica may be the one that mirrors the tenant.
const LOOK: Duration = Duration::from_millis(50);
/// When to try again after that.
const AGAIN: Duration = Duration::from_secs(1);
/// How many users a transaction of a worker goes through, and how many changes
/// of counts it adds up.
const AT_ONCE: i64 = 1000;

/// Waits until the mirror of the caller's tenant has this revision, or refuses
/// with `DIRECTORY_BEHIND`. Empty waits for none.
pub async fn wait_for(app: &Identity, caller: &Caller, revision: &str) -> Result<(), Error> {
    if revision.is_empty() {
        return Ok(());
    }
    let (tenant, revision) = (caller.tenant()?, revision.parse()?);
    let (end, mut moved) = (Instant::now() + PATIENCE, app.mirrored.subscribe());
    loop {
        moved.mark_unchanged();
        let mut tx = app.store.read(caller).await?;
        let there = db::directories::revision(&mut tx, tenant).await?;
        drop(tx);
        if there >= revision {
            return Ok(());
        }
        if Instant::now() >= end {
            let why = format!("roles and groups are known up to revision {there} here");
            return Err(ErrorReason::DirectoryBehind.because(why).retry_after(AGAIN));
        }
        tokio::select! {
            _ = moved.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Adds up what changed of the counts of users. Whether there is more to do.
pub async fn add_up(store: &Store) -> Result<bool, Error> {
    let mut tx = store.worker().await?;
    let done = db::user_counts::add_up(&mut tx, AT_ONCE).await?;
    tx.done().await?;
    Ok(done == AT_ONCE)
}

/// Goes through some users of a tenant in which other roles use a seat than
/// before. Whether there is more to do.
pub async fn reseat(store: &Store) -> Result<bool, Error> {
    let mut tx = store.worker().await?;
    let Some(tenant) = db::seats::reseating(&mut tx).await? else {
        return Ok(false);
    };
    tx.switch_tenant(tenant).await?;
    db::directories::lock(&mut tx, tenant).await?;
    db::seats::reseat_some(&mut tx, tenant, AT_ONCE).await?;
    tx.done().await?;
    Ok(true)
}
