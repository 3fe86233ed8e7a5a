//! Passwords that nobody chose (requirement P-03).

use aws_lc_rs::rand;
use rpc::Error;
use zeroize::Zeroizing;

/// Letters and digits that are not taken for each other.
const LETTERS: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A password of so many letters and digits, both of which are in it. At 5.8
/// bits each, the least of eight holds out against guessing at a login for its
/// week (OWASP ASVS 5, 6.4.1).
pub fn password(length: usize) -> Result<Zeroizing<String>, Error> {
    loop {
        let mut password = Zeroizing::new(String::with_capacity(length));
        while password.len() < length {
            let mut bytes = Zeroizing::new([0; 64]);
            rand::fill(&mut *bytes)?;
            // Those beyond the last letter are left out: no letter is likelier.
            let letters = bytes
                .iter()
                .filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
            let room = length - password.len();
            password.extend(letters.take(room).map(|letter| char::from(*letter)));
        }
        let digits = password.bytes().filter(u8::is_ascii_digit).count();
        if (1..length).contains(&digits) {
            return Ok(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_03_generated_passwords_hold_letters_and_digits() {
        for length in 8..=64 {
            let one = password(length).expect("there is randomness");
            assert_eq!(one.len(), length);
            assert!(one.bytes().all(|letter| LETTERS.contains(&letter)));
            assert!(one.bytes().any(|letter| letter.is_ascii_digit()));
            assert!(one.bytes().any(|letter| letter.is_ascii_alphabetic()));
            assert_ne!(*one, *password(length).expect("there is randomness"));
        }
    }
}
