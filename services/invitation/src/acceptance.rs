//! The invitee's answer. The secret of the link is the only credential; its
//! owner has no account yet.

pub(crate) mod accept;
pub(crate) mod decline;
pub(crate) mod link;
pub(crate) mod preview;
