//! The form in which passwords are kept: argon2id with the parameters of OWASP
//! (19 MiB, two passes, one lane), in PHC form, over the HMAC of the password
//! under a key that is not in the database.

use std::alloc::System;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, PasswordHash, Salt},
};
use rpc::Error;
use store::Keys;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The key version of hashes that another system made: there is no key.
pub const FOREIGN: i16 = 0;

/// Memory for hashing. The C library maps for itself what is asked for at once
/// and more than 32 MiB, and gives it back to the machine when it is dropped; what
/// is never touched takes no memory.
pub type Memory = allocator_api2::vec::Vec<Block, System>;
const MAPPED: usize = 40 * 1024 * 1024 / Block::SIZE;

/// None yet.
pub fn memory() -> Memory {
    Memory::new_in(System)
}

/// What a password is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The hash, in PHC form or bcrypt's own.
    pub hash: String,
    /// The version of the key, or [`FOREIGN`].
    pub key_version: i16,
}

impl Kept {
    /// Whether another system made it.
    pub fn is_foreign(&self) -> bool {
        self.key_version == FOREIGN
    }
}

/// Hashes under a salt of its own. The memory grows as needed, and is for the
/// next hash.
pub fn hash(
    memory: &mut Memory,
    keys: &Keys,
    key_version: i16,
    password: &str,
) -> Result<Kept, Error> {
    let params = Params::DEFAULT;
    let salt = Salt::generate();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let password = keyed(keys, key_version, password);
    argon2id(memory, &*password, &salt, params.clone(), &mut output)?;
    let phc = PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: (&params).try_into()?,
        salt: Some(salt),
        hash: Some(Output::new(&output)?),
    };
    Ok(Kept {
        hash: phc.to_string(),
        key_version,
    })
}

/// Whether a hash that was made here is of this password, whatever its
/// parameters.
pub fn same(memory: &mut Memory, keys: &Keys, password: &str, kept: &Kept) -> Result<bool, Error> {
    let phc = PasswordHash::new(&kept.hash)?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else {
        return Err(Error::fault("a kept password has no salt or no hash"));
    };
    let mut output = vec![0; expected.len()];
    let password = keyed(keys, kept.key_version, password);
    argon2id(
        memory,
        &*password,
        &salt,
        Params::try_from(&phc)?,
        &mut output,
    )?;
    Ok(output.as_slice().ct_eq(expected.as_bytes()).into())
}

/// Whether a hash that was made here has the parameters of today.
pub fn is_current(hash: &str) -> bool {
    PasswordHash::new(hash)
        .ok()
        .and_then(|phc| Params::try_from(&phc).ok())
        .is_some_and(|params| {
            let now = Params::DEFAULT;
            (params.m_cost(), params.t_cost(), params.p_cost())
                == (now.m_cost(), now.t_cost(), now.p_cost())
        })
}

/// Every version of the key is derived for itself.
fn keyed(keys: &Keys, version: i16, password: &str) -> Zeroizing<[u8; 32]> {
    let purpose = format!("password v{version}");
    Zeroizing::new(keys.keyed_hash(&purpose, password.as_bytes()))
}

fn argon2id(
    memory: &mut Memory,
    password: &[u8],
    salt: &Salt,
    params: Params,
    output: &mut [u8],
) -> Result<(), Error> {
    // A kept hash may have been made with other parameters.
    if memory.len() < params.block_count() {
        let wanted = params.block_count().max(MAPPED);
        memory.reserve_exact(wanted - memory.len());
        memory.resize(params.block_count(), Block::new());
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into_with_memory(password, salt.as_ref(), output, memory)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> Keys {
        Keys::new(&[7; 32])
    }

    #[test]
    fn every_salt_and_every_version_of_the_key_is_another() {
        let (mut memory, keys) = (memory(), keys());
        let kept = hash(&mut memory, &keys, 1, "a password").expect("it hashes");
        assert!(same(&mut memory, &keys, "a password", &kept).expect("it compares"));
        let again = hash(&mut memory, &keys, 1, "a password").expect("it hashes");
        assert_ne!(again.hash, kept.hash);
        let other = Kept {
            key_version: 2,
            ..kept
        };
        assert!(!same(&mut memory, &keys, "a password", &other).expect("it compares"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// B-5: no byte is cut off, the 73rd and the last as little as the first.
        #[test]
        fn b_05_every_byte_counts(password in "[ -~]{100,1024}", flips in prop::collection::vec(any::<prop::sample::Index>(), 4)) {
            let (mut memory, keys) = (memory(), keys());
            let kept = hash(&mut memory, &keys, 1, &password).expect("it hashes");
            prop_assert!(same(&mut memory, &keys, &password, &kept).expect("it compares"));
            let flips = flips.iter().map(|flip| flip.index(password.len()));
            for at in flips.chain([0, 71, 72, 73, password.len() - 1]) {
                let mut other = password.clone().into_bytes();
                other[at] ^= 1;
                let other = String::from_utf8(other).expect("it is ASCII");
                prop_assert!(!same(&mut memory, &keys, &other, &kept).expect("it compares"), "byte {}", at);
            }
            let longer = format!("{password}x");
            prop_assert!(!same(&mut memory, &keys, &longer, &kept).expect("it compares"));
        }
    }

    /// B-6: what an earlier release made is still known, and not current.
    #[test]
    fn b_06_hashes_with_other_parameters_are_compared_too() {
        let (mut memory, keys) = (memory(), keys());
        let salt = Salt::generate();
        let params = Params::new(8192, 1, 1, None).expect("parameters");
        let mut output = [0; 32];
        let password = keyed(&keys, 1, "a password");
        argon2id(&mut memory, &*password, &salt, params.clone(), &mut output).expect("it hashes");
        let phc = PasswordHash {
            algorithm: argon2::ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: (&params).try_into().expect("parameters"),
            salt: Some(salt),
            hash: Some(Output::new(&output).expect("an output")),
        };
        let kept = Kept {
            hash: phc.to_string(),
            key_version: 1,
        };
        assert!(same(&mut memory, &keys, "a password", &kept).expect("it compares"));
        assert!(!same(&mut memory, &keys, "a passwore", &kept).expect("it compares"));
        assert!(!is_current(&kept.hash));
    }

    #[test]
    fn only_hashes_as_they_are_made_now_are_current() {
        let kept = hash(&mut memory(), &keys(), 1, "a password").expect("it hashes");
        assert!(is_current(&kept.hash));
        assert!(!is_current(&kept.hash.replace("t=2", "t=1")));
        assert!(!is_current(&kept.hash.replace("m=19456", "m=8192")));
        assert!(!is_current("$2b$04$x"));
    }
}
