//! What must hold of every method, message and reason, read from the
//! descriptors: there is no list to forget something on.

mod access;
mod descriptors;
mod foreign_ids;
mod oracles;
mod plausible;
mod shape;
mod stories;
mod trail;
mod workspace;
