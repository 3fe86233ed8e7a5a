//! The tables.
//!
//! A page is read by one query for both directions: two branches of which a
//! parameter switches one off before it is executed, each along an index, and
//! the few rows then in the order of the list. [`nearest_first`] turns them
//! into the order that `store::Page` expects.

pub(crate) mod invitations;
pub(crate) mod mails;

use contract::Id;

/// The id of an invitation.
pub(crate) type InvitationId = Id<contract::invitation::Invitation>;
/// The id of a mail.
pub(crate) type MailId = Id<contract::invitation::Mail>;
/// The id of a user.
pub(crate) type UserId = Id<contract::identity::User>;
/// The id of a tenant.
pub(crate) type TenantId = Id<contract::identity::Tenant>;

/// Rows in the order of a list, in the order in which a page is read.
pub(crate) fn nearest_first<T>(mut rows: Vec<T>, backward: bool) -> Vec<T> {
    if backward {
        rows.reverse();
    }
    rows
}

/// Proves that a lease is held: whoever lost it changes nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease(pub(crate) uuid::Uuid);

impl Lease {
    /// A token that nobody has had before.
    pub(crate) fn new() -> Lease {
        Lease(uuid::Uuid::new_v4())
    }
}
