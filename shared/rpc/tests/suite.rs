//! The layers and the channel, before small services of the contract.

#![expect(clippy::expect_used, reason = "tests say what they expect")]

extern crate usher_rpc as rpc;

#[path = "suite/access.rs"]
mod access;
#[path = "suite/believed.rs"]
mod believed;
#[path = "suite/bounds.rs"]
mod bounds;
#[path = "suite/calls.rs"]
mod calls;
#[path = "suite/island.rs"]
mod island;
#[path = "suite/tokens.rs"]
mod tokens;
