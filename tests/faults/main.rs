//! Kills, losses and leaks, against servers in processes of their own.

mod bulk_killed;
mod demo_killed;
mod import_killed;
mod redeem_killed;
mod redis;
mod redis_gone;
mod secrets_leaked;
mod token_classes;
