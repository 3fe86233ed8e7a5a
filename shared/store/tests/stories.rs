//! What the store promises, on a real Postgres.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

// By the name that every other crate knows it by.
extern crate usher_store as store;

#[path = "stories/database.rs"]
mod database;
#[path = "stories/isolation.rs"]
mod isolation;
#[path = "stories/pages.rs"]
mod pages;
#[path = "stories/recovery.rs"]
mod recovery;
#[path = "stories/replay.rs"]
mod replay;
#[path = "stories/roles.rs"]
mod roles;
#[path = "stories/root.rs"]
mod root;
#[path = "stories/sealing.rs"]
mod sealing;
#[path = "stories/time.rs"]
mod time;
