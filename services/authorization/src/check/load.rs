//! Reads what a decision needs from Postgres, and keeps it.

use std::sync::Arc;

use contract::errors::ErrorReason;
use contract::identity::User;
use rpc::{Because as _, Caller, Error, Id};
use store::Tx;

use super::cell::Cell;
use super::state::{Structure, Subject, View};
use crate::revisions::{self, Revision};
use crate::{Authorization, db};

/// How often to read anew when roles or projects change between two reads.
const ATTEMPTS: u32 = 8;

/// Users of one tenant, all at one revision.
pub struct Loaded {
    structure: Arc<Structure>,
    /// Sorted by user.
    subjects: Vec<(Id<User>, Arc<Subject>)>,
    /// The revision.
    pub revision: Revision,
}

impl Loaded {
    /// One of the users that were asked for.
    pub fn view(&self, user: Id<User>) -> Option<View<'_>> {
        let place = self
            .subjects
            .binary_search_by_key(&user, |(id, _)| *id)
            .ok()?;
        Some(View {
            structure: &self.structure,
            subject: &self.subjects[place].1,
        })
    }
}

/// Reads users, sorted and each once, of the caller's tenant, as they are now;
/// `None` where the tenant has no roles yet. A revision that is still to come
/// is refused with `REVISION_UNKNOWN`.
pub async fn load(
    app: &Authorization,
    caller: &Caller,
    users: &[Id<User>],
    at_least: Revision,
) -> Result<Option<Loaded>, Error> {
    let tenant = caller.tenant()?;
    // The cell before the first read: it hears of every event after that, if
    // events are heard at all; asked in this order, so that a cell which a new
    // tail has not followed from its start keeps nothing.
    let cell = app.cache.cell(tenant);
    let fresh = app.cache.is_fresh();
    let mut tx = app.store.read(caller).await?;
    for _ in 0..ATTEMPTS {
        let Some(structure) = structure(&mut tx, &cell, fresh).await? else {
            return none(at_least);
        };
        let mut read = db::access::subjects(&mut tx, tenant, users).await?;
        let Some((_, first)) = read.first() else {
            return none(at_least);
        };
        let (revision, structure_at) = (first.at, first.structure_at);
        if structure_at > structure.at {
            cell.outdated(structure_at);
            continue;
        }
        if at_least > revision {
            return Err(revisions::unknown());
        }
        read.sort_unstable_by_key(|(user, _)| *user);
        let subjects = if fresh {
            app.cache.keep(&cell, read)
        } else {
            read.into_iter()
                .map(|(user, subject)| (user, Arc::new(subject)))
                .collect()
        };
        return Ok(Some(Loaded {
            structure,
            subjects,
            revision,
        }));
    }
    Err(ErrorReason::DependencyUnavailable
        .because("the roles of the tenant keep changing; try again"))
}

/// A tenant without roles has had no change.
fn none(at_least: Revision) -> Result<Option<Loaded>, Error> {
    if at_least > 0 {
        Err(revisions::unknown())
    } else {
        Ok(None)
    }
}

/// The structure: what is remembered, if anything is, for the caller checks
/// that it still holds; else read by one call for all that wait for it.
async fn structure(tx: &mut Tx, cell: &Cell, fresh: bool) -> Result<Option<Arc<Structure>>, Error> {
    if let Some(structure) = cell.structure() {
        return Ok(Some(structure));
    }
    let _turn = cell.reading.lock().await;
    if let Some(structure) = cell.structure() {
        return Ok(Some(structure));
    }
    let Some(tenant) = tx.tenant_id() else {
        return Ok(None);
    };
    let read = db::access::structure(tx, tenant, None).await?;
    Ok(read.map(|structure| {
        if fresh {
            cell.keep(structure)
        } else {
            Arc::new(structure)
        }
    }))
}
