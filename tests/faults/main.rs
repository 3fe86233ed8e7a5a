//! Kills, losses and leaks, against servers in processes of their own.

mod import_killed;
mod redis_gone;
mod secrets_leaked;
