//! What the feed promises, on a real Postgres and a real Redis.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

// By the name that every other crate knows it by.
extern crate usher_feed as feed;

#[path = "stories/away.rs"]
mod away;
#[path = "../../store/tests/stories/database.rs"]
mod database;
#[path = "stories/exactly_once.rs"]
mod exactly_once;
#[path = "stories/heard.rs"]
mod heard;
#[path = "stories/poison.rs"]
mod poison;
#[path = "stories/promptly.rs"]
mod promptly;
#[path = "stories/redis_lost.rs"]
mod redis_lost;
#[path = "stories/runs.rs"]
mod runs;
#[path = "stories/skipped.rs"]
mod skipped;
#[path = "stories/stage.rs"]
mod stage;
