//! Hashes that other systems made (requirement P-09): taken in as they are,
//! checked as they were made, and replaced by ours at the next login.
//!
//! One parser for all of them, and it is strict: what it does not know by heart
//! it refuses, and so it does what would cost more than [`MOST_MEMORY`] and a
//! second or two of a core. What was taken in is parsed again when it is
//! checked, so nothing dearer is ever run.

use std::{num::NonZeroU32, str::FromStr};

use argon2::{Algorithm, Argon2, Version, password_hash::phc::PasswordHash};
use aws_lc_rs::pbkdf2;
use bcrypt::HashParts;
use rpc::Error;
use subtle::ConstantTimeEq as _;

/// The most bytes of memory that a check takes.
const MOST_MEMORY: u64 = 64 << 20;
/// The most bytes that a check of a memory-hard hash goes through, all passes
/// together.
const MOST_WORK: u64 = 512 << 20;
/// The most lanes of argon2, and of scrypt.
const MOST_LANES: u32 = 16;
/// The most blocks of scrypt.
const MOST_BLOCKS: u32 = 32;
/// The most rounds of PBKDF2.
const MOST_ROUNDS: u32 = 2_000_000;
/// The most cost of bcrypt, a power of two.
const MOST_BCRYPT: u32 = 14;
/// The least bytes of an output: fewer are found by chance.
const LEAST_OUTPUT: usize = 16;
/// bcrypt does not look at what follows: a hash of so many bytes may be of more.
const BCRYPT_BYTES: usize = 72;

/// A hash that another system made.
pub enum Foreign {
    /// Any of the three, of either version.
    Argon2(Algorithm, Version, argon2::Params, Sealed),
    /// RFC 7914.
    Scrypt(scrypt::Params, Sealed),
    /// RFC 8018.
    Pbkdf2(pbkdf2::Algorithm, NonZeroU32, Sealed),
    /// As OpenBSD makes them.
    Bcrypt(HashParts),
}

/// A salt, and what comes out.
pub struct Sealed {
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Foreign {
    /// Whether the hash is of this password, byte by byte.
    pub fn same(&self, password: &str) -> Result<bool, Error> {
        let password = password.as_bytes();
        match self {
            Foreign::Argon2(algorithm, version, params, sealed) => {
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                let mut output = vec![0; sealed.output.len()];
                argon2.hash_password_into(password, &sealed.salt, &mut output)?;
                Ok(output.ct_eq(&sealed.output).into())
            }
            Foreign::Scrypt(params, sealed) => {
                let mut output = vec![0; sealed.output.len()];
                scrypt::scrypt(password, &sealed.salt, params, &mut output)?;
                Ok(output.ct_eq(&sealed.output).into())
            }
            Foreign::Pbkdf2(algorithm, rounds, sealed) => {
                let Sealed { salt, output } = sealed;
                Ok(pbkdf2::verify(*algorithm, *rounds, salt, password, output).is_ok())
            }
            Foreign::Bcrypt(parts) => bcrypt_same(parts, password),
        }
    }
}

/// Two passwords that are one to bcrypt are none here (B-5): those longer than
/// it looks at or as long, and those with the zero byte that ends a password for it.
fn bcrypt_same(parts: &HashParts, password: &[u8]) -> Result<bool, Error> {
    if password.len() >= BCRYPT_BYTES || password.contains(&0) {
        return Ok(false);
    }
    let again = bcrypt::hash_with_salt(password, parts.get_cost(), parts.get_salt_raw())
        .map_err(|error| Error::fault(error.to_string()))?;
    let (again, kept) = (again.to_string(), parts.to_string());
    Ok(again.as_bytes().ct_eq(kept.as_bytes()).into())
}

impl FromStr for Foreign {
    type Err = String;

    fn from_str(text: &str) -> Result<Foreign, String> {
        if text.starts_with("$2") {
            return bcrypt_of(text);
        }
        let form = "must be a PHC string or a bcrypt hash";
        let phc = PasswordHash::new(text).map_err(|_| form.to_owned())?;
        // One way to write each, so that nothing means two things.
        if phc.to_string() != text {
            return Err(form.to_owned());
        }
        match phc.algorithm.as_str() {
            "argon2i" => argon2_of(Algorithm::Argon2i, &phc),
            "argon2d" => argon2_of(Algorithm::Argon2d, &phc),
            "argon2id" => argon2_of(Algorithm::Argon2id, &phc),
            "scrypt" => scrypt_of(&phc),
            "pbkdf2-sha256" => pbkdf2_of(pbkdf2::PBKDF2_HMAC_SHA256, &phc),
            "pbkdf2-sha512" => pbkdf2_of(pbkdf2::PBKDF2_HMAC_SHA512, &phc),
            _ => Err("must be of argon2, scrypt, pbkdf2-sha256, pbkdf2-sha512 or bcrypt".into()),
        }
    }
}

fn bcrypt_of(text: &str) -> Result<Foreign, String> {
    let known = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    let cost = text.get(4..6).unwrap_or_default();
    if !known || !cost.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err("must be a bcrypt hash of the form $2a$, $2b$ or $2y$".into());
    }
    let parts: HashParts = text
        .parse()
        .map_err(|_| "must be a bcrypt hash of 60 characters".to_owned())?;
    if !(4..=MOST_BCRYPT).contains(&parts.get_cost()) {
        return Err(format!("must have a bcrypt cost of 4 to {MOST_BCRYPT}"));
    }
    Ok(Foreign::Bcrypt(parts))
}

fn argon2_of(algorithm: Algorithm, phc: &PasswordHash) -> Result<Foreign, String> {
    let version = match phc.version {
        // As the first release of argon2 wrote it.
        None | Some(0x10) => Version::V0x10,
        Some(0x13) => Version::V0x13,
        Some(_) => return Err("must have the argon2 version 16 or 19".into()),
    };
    let [memory, passes, lanes] = parameters(phc, ["m", "t", "p"])?;
    within(u64::from(memory) << 10, u64::from(passes))?;
    lanes_within(lanes)?;
    let sealed = sealed(phc)?;
    let params = argon2::Params::new(memory, passes, lanes, Some(sealed.output.len()))
        .map_err(|error| format!("is not of argon2: {error}"))?;
    Ok(Foreign::Argon2(algorithm, version, params, sealed))
}

fn scrypt_of(phc: &PasswordHash) -> Result<Foreign, String> {
    let [log, block, lanes] = parameters(phc, ["ln", "r", "p"])?;
    if phc.version.is_some() || !(1..=30).contains(&log) {
        return Err("is not of scrypt".into());
    }
    lanes_within(lanes)?;
    if block > MOST_BLOCKS {
        return Err(format!("must have a parameter r of {MOST_BLOCKS} or less"));
    }
    // RFC 7914: a block for each lane, and the table that all lanes share.
    let (block_bytes, table) = (128 * u64::from(block), 1_u64 << log);
    within(
        block_bytes * (table + u64::from(lanes)),
        2 * u64::from(lanes),
    )?;
    let log = u8::try_from(log).map_err(|error| error.to_string())?;
    let params = scrypt::Params::new(log, block, lanes)
        .map_err(|error| format!("is not of scrypt: {error}"))?;
    Ok(Foreign::Scrypt(params, sealed(phc)?))
}

fn pbkdf2_of(algorithm: pbkdf2::Algorithm, phc: &PasswordHash) -> Result<Foreign, String> {
    let sealed = sealed(phc)?;
    let rounds = match phc.params.get_decimal("l") {
        Some(length) => {
            let [rounds, _] = parameters(phc, ["i", "l"])?;
            if usize::try_from(length) != Ok(sealed.output.len()) {
                return Err("must be as long as its parameter l says".into());
            }
            rounds
        }
        None => parameters(phc, ["i"])?[0],
    };
    if rounds > MOST_ROUNDS || phc.version.is_some() {
        return Err(format!("must have {MOST_ROUNDS} rounds or fewer"));
    }
    let rounds = NonZeroU32::new(rounds).ok_or("must have one round or more")?;
    Ok(Foreign::Pbkdf2(algorithm, rounds, sealed))
}

/// Exactly these parameters, in this order.
fn parameters<const N: usize>(phc: &PasswordHash, names: [&str; N]) -> Result<[u32; N], String> {
    let given: Vec<_> = phc.params.iter().collect();
    let mut values = [0; N];
    let alike = given.len() == N
        && names
            .iter()
            .zip(&given)
            .zip(&mut values)
            .all(|((name, (given, value)), into)| {
                let value = value.decimal().ok().filter(|_| given.as_str() == *name);
                value.map(|value| *into = value).is_some()
            });
    if alike {
        Ok(values)
    } else {
        Err(format!(
            "must have the parameters {}, in this order",
            names.join(", ")
        ))
    }
}

fn lanes_within(lanes: u32) -> Result<(), String> {
    if lanes > MOST_LANES {
        return Err(format!("must have {MOST_LANES} lanes or fewer"));
    }
    Ok(())
}

fn within(memory: u64, passes: u64) -> Result<(), String> {
    if memory > MOST_MEMORY {
        return Err(format!(
            "must take {} MiB of memory or less",
            MOST_MEMORY >> 20
        ));
    }
    if memory.saturating_mul(passes) > MOST_WORK {
        let most = MOST_WORK >> 20;
        return Err(format!(
            "must go through {most} MiB of memory or less, all passes together"
        ));
    }
    Ok(())
}

fn sealed(phc: &PasswordHash) -> Result<Sealed, String> {
    let (Some(salt), Some(output)) = (&phc.salt, &phc.hash) else {
        return Err("must have a salt and a hash".into());
    };
    if output.len() < LEAST_OUTPUT {
        return Err(format!("must have a hash of {LEAST_OUTPUT} bytes or more"));
    }
    let salt: &[u8] = salt.as_ref();
    Ok(Sealed {
        salt: salt.to_vec(),
        output: output.as_bytes().to_vec(),
    })
}

#[cfg(test)]
mod tests;
