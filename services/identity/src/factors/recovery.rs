//! Recovery codes: ten of 80 random bits each, written so that people can read
//! and type them (requirement M-06; NIST SP 800-63B-4, section 3.1.2). Only a
//! keyed hash is kept.

use aws_lc_rs::rand;
use contract::{
    Id,
    identity::{Tenant, User},
};
use rpc::Error;
use store::{Keys, Tx};
use zeroize::Zeroizing;

use crate::{Identity, db};

/// How many codes a user gets.
const CODES: usize = 10;
/// Random bytes of a code: 16 letters of five bits.
const BYTES: usize = 10;
/// Letters of a group, for reading.
const GROUP: usize = 4;
/// Crockford's base 32: no letter looks like another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const PURPOSE: &str = "recovery code";

/// Makes new codes for a user; those from before are dead.
pub async fn create(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
) -> Result<Vec<String>, Error> {
    let codes = (0..CODES).map(|_| code()).collect::<Result<Vec<_>, _>>()?;
    let hashes: Vec<_> = codes
        .iter()
        .map(|code| hash(app.store.keys(), tenant, user, code).to_vec())
        .collect();
    db::recovery_codes::replace(tx, tenant, user, &hashes).await?;
    Ok(codes)
}

/// What is kept of a code, bound to its user. Case, spaces and dashes do not
/// matter, nor which of two letters that look alike was typed.
pub fn hash(keys: &Keys, tenant: Id<Tenant>, user: Id<User>, code: &str) -> [u8; 32] {
    let typed = code.chars().filter(|c| !matches!(c, ' ' | '-'));
    let plain: Zeroizing<String> = Zeroizing::new(typed.map(plain).collect());
    let (tenant, user) = (tenant.uuid(), user.uuid());
    let bound = [
        tenant.as_bytes().as_slice(),
        user.as_bytes(),
        plain.as_bytes(),
    ];
    keys.keyed_hash(PURPOSE, &Zeroizing::new(bound.concat()))
}

fn plain(letter: char) -> char {
    match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        letter => letter,
    }
}

fn code() -> Result<String, Error> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| Error::fault("the system gives no randomness"))?;
    let mut bits = bytes
        .iter()
        .fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let mut code = String::new();
    for place in 0..BYTES * 8 / 5 {
        if place > 0 && place % GROUP == 0 {
            code.push('-');
        }
        let letter = usize::try_from(bits & 31)?;
        code.push(char::from(LETTERS[letter]));
        bits >>= 5;
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_readable_and_never_the_same() {
        let codes: HashSet<_> = (0..1000).map(|_| code().expect("a code")).collect();
        assert_eq!(codes.len(), 1000);
        for code in codes {
            let groups: Vec<_> = code.split('-').collect();
            assert!(
                groups.len() == 4 && groups.iter().all(|group| group.len() == 4),
                "{code}"
            );
            assert!(!code.contains(['I', 'L', 'O', 'U']), "{code}");
        }
    }

    #[test]
    fn a_code_is_known_however_it_is_typed_and_only_for_its_user() {
        let (keys, tenant, user) = (Keys::new(&[7; 32]), Id::new(), Id::new());
        let hash = |user, code| hash(&keys, tenant, user, code);
        let kept = hash(user, "70AB-1CDE-FGHJ-KMNP");
        for typed in [
            "70ab1cdefghjkmnp",
            "7OAB LCDE FGHJ KMNP",
            "70ab-icde-fghj-kmnp",
        ] {
            assert_eq!(hash(user, typed), kept, "{typed}");
        }
        assert_ne!(hash(user, "70AB-1CDE-FGHJ-KMNQ"), kept);
        assert_ne!(hash(Id::new(), "70AB-1CDE-FGHJ-KMNP"), kept);
    }
}
