//! The form in which passwords are kept: argon2id with the parameters of OWASP
//! (19 MiB, two passes, one lane), in PHC form.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, PasswordHash, Salt},
};
use rpc::Error;
use subtle::ConstantTimeEq as _;

/// Hashes under a salt of its own, into PHC form. The memory grows as needed, and
/// is for the next hash.
pub fn hash(memory: &mut Vec<Block>, password: &[u8]) -> Result<String, Error> {
    let params = Params::DEFAULT;
    let salt = Salt::generate();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2id(memory, password, &salt, params.clone(), &mut output)?;
    let phc = PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: (&params).try_into()?,
        salt: Some(salt),
        hash: Some(Output::new(&output)?),
    };
    Ok(phc.to_string())
}

/// Whether a hash in PHC form is of this password, whatever its parameters.
pub fn same(memory: &mut Vec<Block>, password: &[u8], hash: &str) -> Result<bool, Error> {
    let phc = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else {
        return Err(Error::fault("a kept password has no salt or no hash"));
    };
    let mut output = vec![0; expected.len()];
    argon2id(
        memory,
        password,
        &salt,
        Params::try_from(&phc)?,
        &mut output,
    )?;
    Ok(output.as_slice().ct_eq(expected.as_bytes()).into())
}

fn argon2id(
    memory: &mut Vec<Block>,
    password: &[u8],
    salt: &Salt,
    params: Params,
    output: &mut [u8],
) -> Result<(), Error> {
    // A kept hash may have been made with other parameters.
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::new());
    }
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into_with_memory(password, salt.as_ref(), output, memory)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts_and_every_salt_is_new() {
        let mut memory = Vec::new();
        let long = [b'x'; 200];
        let kept = hash(&mut memory, &long).expect("it hashes");
        assert!(same(&mut memory, &long, &kept).expect("it compares"));
        assert_ne!(hash(&mut memory, &long).expect("it hashes"), kept);
        for at in [0, 71, 72, 73, 127, 128, 199] {
            let mut other = long;
            other[at] = b'y';
            assert!(
                !same(&mut memory, &other, &kept).expect("it compares"),
                "byte {at}"
            );
        }
    }

    #[test]
    fn hashes_with_other_parameters_are_compared_too() {
        let mut memory = Vec::new();
        // A test vector of the reference implementation.
        let kept = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(same(&mut memory, b"password", kept).expect("it compares"));
        assert!(!same(&mut memory, b"passwore", kept).expect("it compares"));
    }
}
