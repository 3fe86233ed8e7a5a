//! Which addresses stood in the file before, in 24 bytes each.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
};

/// Addresses by 128 bits of keyed hashes: the keys are random, so nobody can
/// make two addresses meet, and of a million rows two meet by chance once in
/// 10^26 files.
#[derive(Default)]
pub struct Seen {
    keys: [RandomState; 2],
    lines: HashMap<(u64, u64), u32>,
}

impl Seen {
    /// The line of the earlier row with this address, whatever its case; where
    /// there is none, this one is kept.
    pub fn earlier(&mut self, address: &str, line: u32) -> Option<u32> {
        let address = address.to_ascii_lowercase();
        let [one, other] = &self.keys;
        match self
            .lines
            .entry((one.hash_one(&address), other.hash_one(&address)))
        {
            std::collections::hash_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(line);
                None
            }
        }
    }
}
