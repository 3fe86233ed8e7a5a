//! Usher as its callers meet it: the suite in one process on fresh servers, and
//! the main job from a file of people to a person who is let in.
//!
//! The tests stand beside this library by kind: `journeys/` through the
//! gateway, `contract/` from the descriptors, `faults/` with kills and races,
//! `foreign/` with clients in other languages, `load/` measures.

mod company;
pub mod demo;
mod dns;
pub mod fleet;
mod invitations;
mod mail;
mod people;
pub mod process;
pub mod sms;
pub mod suite;
mod world;

pub use company::{Company, PROPERTY, roles, token_mailed_to};
pub use dns::Dns;
pub use invitations::invitations;
pub use mail::{Mail, Mails};
pub use people::{Member, Setup, accept, password, sign_in, sign_in_with_code};
pub use sms::SmsProvider;
pub use suite::Suite;
pub use world::World;
