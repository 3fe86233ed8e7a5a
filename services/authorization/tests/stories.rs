//! Authorization as its callers see it, on a real Postgres: who holds what,
//! seats to the last one, and checks that are never older than they say.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "stories/access.rs"]
mod access;
#[path = "stories/authority.rs"]
mod authority;
#[path = "stories/caller.rs"]
mod caller;
#[path = "stories/freshness.rs"]
mod freshness;
#[path = "stories/grants.rs"]
mod grants;
#[path = "stories/seats.rs"]
mod seats;
#[path = "stories/service.rs"]
mod service;
#[path = "stories/users.rs"]
mod users;
