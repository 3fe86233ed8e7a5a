//! Revisions: the numbers of a tenant's changes of access (requirement A-07).
//!
//! Every change locks its tenant's row, raises the revision by one, and
//! publishes one event that carries it. So the events of a tenant are numbered
//! without gaps, and whoever has heard all up to a number has heard all there
//! was: the cache of `check` builds on that.

use std::sync::Arc;

use contract::authorization::event::Kind;
use contract::authorization::{ErrorReason, Event};
use contract::identity::User;
use rpc::{Because as _, Error, Id};
use store::Tx;

use crate::check::Cache;

/// The number of a change in its tenant, from 1. Callers see it in decimal and
/// treat it as opaque.
pub type Revision = i64;

/// What a change touched of that which decisions are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Roles or projects.
    Structure,
    /// What one user holds.
    User(Id<User>),
}

/// Reads a revision that a caller sent; an empty one demands nothing.
pub fn read(text: &str) -> Result<Revision, Error> {
    if text.is_empty() {
        return Ok(0);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(unknown)
}

/// The refusal of a revision that no change of the tenant has had.
pub fn unknown() -> Error {
    ErrorReason::RevisionUnknown.because("no change of this tenant has had this revision")
}

/// Publishes what a change did. Once it is committed this replica forgets what
/// it had cached of it; the others hear of it by `feed::tail`.
pub fn announce(cache: &Arc<Cache>, tx: &mut Tx, fact: impl Into<Event>) {
    let event = fact.into();
    if let (Some(tenant), Some((revision, touched))) = (tx.tenant_id(), touched(&event)) {
        let cache = cache.clone();
        tx.after_commit(move || cache.hear(tenant, revision, touched));
    }
    tx.publish(event);
}

/// The revision of an event and what it touched; nothing for events of
/// licences, on which no decision depends.
pub fn touched(event: &Event) -> Option<(Revision, Touched)> {
    let (revision, user) = match event.kind.as_ref()? {
        Kind::TenantPrepared(fact) => (&fact.revision, None),
        Kind::ProjectCreated(fact) => (&fact.revision, None),
        Kind::RoleBindingCreated(fact) => (&fact.revision, Some(&fact.binding.as_ref()?.user_id)),
        Kind::RoleBindingDeleted(fact) => (&fact.revision, Some(&fact.binding.as_ref()?.user_id)),
        Kind::GrantsReserved(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::GrantsReleased(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::GrantsActivated(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::UserSuspended(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::UserResumed(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::UserErased(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::GroupMemberAdded(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::GroupMemberRemoved(fact) => (&fact.revision, Some(&fact.user_id)),
        Kind::LicenseUpdated(_) | Kind::LicensedRolesSet(_) => return None,
    };
    let touched = match user {
        Some(user) => Touched::User(user.parse().ok()?),
        None => Touched::Structure,
    };
    Some((revision.parse().ok()?, touched))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_revisions() {
        assert_eq!(read("").unwrap(), 0);
        assert_eq!(read("42").unwrap(), 42);
        for wrong in [
            "-1",
            "+1",
            " 1",
            "1.0",
            "0x1",
            "one",
            "99999999999999999999",
        ] {
            assert!(
                read(wrong).unwrap_err().is(ErrorReason::RevisionUnknown),
                "{wrong}"
            );
        }
    }
}
