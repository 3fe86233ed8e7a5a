//! Passwords known from breaches (NIST SP 800-63B-4, section 3.1.1.2; OWASP
//! ASVS 5, 6.2.12), in a file that the operator builds from a published list.
//! Nothing is asked of anybody: no password, nor a part of its hash, leaves.
//!
//! The file is a set of cut-off SHA-1 hashes, sorted into as many buckets as
//! make 64 a bucket or fewer. A bucket is named by the first bits of a hash, and
//! the next 24 are kept: a password that is in no breach is taken for one with
//! a chance of 64 in 2^24, four in a million, however long the list is. A
//! billion passwords are 3.2 GB on disk and nothing in memory: a look-up reads
//! two small pieces of the file, which the system caches.
//!
//! The form, all numbers big-endian: [`MAGIC`]; the number of bits that name a
//! bucket and the number of hashes, 8 bytes each; for each bucket, and the end,
//! how many hashes come before it, 8 bytes each; the hashes, 3 bytes each.

mod build;

use std::{
    fs::File,
    io::{Error, ErrorKind, Result},
    os::unix::fs::FileExt as _,
    path::Path,
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

pub use build::{Built, Form, build};

const MAGIC: [u8; 8] = *b"usherbp1";
/// Where the buckets begin.
const HEAD: u64 = 24;
const HEAD_BYTES: usize = 24;
/// The bits of a hash that are kept, beside those that name its bucket.
const KEPT_BITS: u32 = 24;
const KEPT_BYTES: u64 = 3;
/// The most hashes in a bucket, on average.
const BUCKET: u64 = 64;
/// The most bits that name a bucket: with those kept, a hash has 64.
const MOST_BITS: u32 = 40;
/// More hashes in one bucket are none that SHA-1 made.
const MOST_IN_BUCKET: u64 = 1 << 16;

/// The passwords known from breaches; none by default.
#[derive(Debug, Default)]
pub struct Breached(Option<Filter>);

#[derive(Debug)]
struct Filter {
    file: File,
    bits: u32,
}

impl Breached {
    /// Opens a file that [`build`] made.
    pub fn open(path: &Path) -> Result<Breached> {
        let file = File::open(path)?;
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, 0)?;
        let bits = number(&head, 8);
        let count = number(&head, 16);
        let bits = u32::try_from(bits).unwrap_or(u32::MAX);
        let fits = head[..8] == MAGIC
            && (1..=MOST_BITS).contains(&bits)
            && count
                .checked_mul(KEPT_BYTES)
                .and_then(|hashes| hashes.checked_add(hashes_at(bits)))
                == Some(file.metadata()?.len());
        if !fits {
            return Err(broken(
                "is no file of breached passwords, or not all of one",
            ));
        }
        Ok(Breached(Some(Filter { file, bits })))
    }

    /// Whether a password is known, or is taken for one that is.
    pub fn contains(&self, password: &str) -> Result<bool> {
        match &self.0 {
            Some(filter) => filter.contains(hash_of(password.as_bytes())),
            None => Ok(false),
        }
    }
}

impl Filter {
    fn contains(&self, hash: u64) -> Result<bool> {
        let (bucket, kept) = split(hash, self.bits);
        let mut ends = [0; 16];
        self.file.read_exact_at(&mut ends, HEAD + 8 * bucket)?;
        let (begin, end) = (number(&ends, 0), number(&ends, 8));
        let count = end
            .checked_sub(begin)
            .filter(|count| *count <= MOST_IN_BUCKET)
            .ok_or_else(|| broken("a bucket of breached passwords is broken"))?;
        let mut hashes = vec![0; usize::try_from(count * KEPT_BYTES).unwrap_or_default()];
        self.file
            .read_exact_at(&mut hashes, hashes_at(self.bits) + begin * KEPT_BYTES)?;
        Ok(hashes.chunks_exact(3).any(|one| one == kept))
    }
}

/// The first 64 bits of the SHA-1.
fn hash_of(password: &[u8]) -> u64 {
    number(digest(&SHA1_FOR_LEGACY_USE_ONLY, password).as_ref(), 0)
}

/// The bucket of a hash, and what is kept of it there.
fn split(hash: u64, bits: u32) -> (u64, [u8; 3]) {
    let kept = (hash << bits) >> (64 - KEPT_BITS);
    let [.., first, second, third] = kept.to_be_bytes();
    (hash >> (64 - bits), [first, second, third])
}

/// Where the hashes begin.
fn hashes_at(bits: u32) -> u64 {
    HEAD + 8 * ((1 << bits) + 1)
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk());
    part.map_or(0, |part| u64::from_be_bytes(*part))
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
