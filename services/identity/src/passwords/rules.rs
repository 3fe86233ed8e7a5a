//! What a password must be: NIST SP 800-63B-4, section 3.1.1.2. Length and
//! not being known are what counts; there are no rules about kinds of
//! characters, which make people choose worse.

use contract::identity::ErrorReason;
use rpc::{Because as _, Error};
use unicode_normalization::UnicodeNormalization as _;

use super::blocklist::COMMON;
use crate::users::names::Names;

/// The least characters where the password is the only factor.
const LEAST_ALONE: usize = 15;
/// The least characters where a second factor is asked of everybody.
const LEAST_WITH_MFA: usize = 8;
/// The most bytes.
const MOST_BYTES: usize = 1024;
/// Shorter words of a user's own say little.
const LEAST_OWN_WORD: usize = 4;

/// Refuses with `PASSWORD_REFUSED` a password that is too short, too long or
/// easily guessed by one who knows the user and the tenant. `mfa_required`:
/// the tenant asks everybody for a second factor.
pub fn check(password: &str, mfa_required: bool, names: &Names, tenant: &str) -> Result<(), Error> {
    match broken_rule(password, mfa_required, names, tenant) {
        None => Ok(()),
        Some(rule) => Err(ErrorReason::PasswordRefused
            .because(format!("the password {rule}"))
            .violation("password", rule)),
    }
}

fn broken_rule(password: &str, mfa_required: bool, names: &Names, tenant: &str) -> Option<String> {
    let least = if mfa_required {
        LEAST_WITH_MFA
    } else {
        LEAST_ALONE
    };
    if password.nfc().count() < least {
        return Some(format!("must have {least} characters or more"));
    }
    if password.len() > MOST_BYTES {
        return Some(format!("must have {MOST_BYTES} bytes or fewer"));
    }
    if is_monotonous(password) {
        return Some("must not be a run or a repetition of a few characters".into());
    }
    let word = password.to_lowercase();
    if is_known(&word, |core| COMMON.binary_search(&core).is_ok()) {
        return Some("must not be one that many people use".into());
    }
    let own = own_words(names, tenant);
    if is_known(&word, |core| own.iter().any(|own| own == core)) {
        return Some(
            "must not be made of your name, your address or the name of your organisation".into(),
        );
    }
    None
}

/// Whether a password is a known word, or one with digits and signs around it,
/// or one or two of them repeated.
fn is_known(word: &str, known: impl Fn(&str) -> bool) -> bool {
    let core = word.trim_matches(|letter: char| !letter.is_alphabetic());
    let mut parts: Vec<&str> = core
        .split(|letter: char| !letter.is_alphabetic())
        .filter(|part| !part.is_empty())
        .map(root)
        .collect();
    parts.sort_unstable();
    parts.dedup();
    known(word) || known(core) || (1..=2).contains(&parts.len()) && parts.into_iter().all(known)
}

/// What a text repeats: `monkey` of `monkeymonkey`; itself where it repeats
/// nothing.
fn root(text: &str) -> &str {
    let ends = text
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    ends.map(|end| &text[..end])
        .find(|part| text.len().is_multiple_of(part.len()) && text.replace(part, "").is_empty())
        .unwrap_or(text)
}

/// Few different characters, or mostly one after the other, as in `12345678`.
fn is_monotonous(password: &str) -> bool {
    let letters: Vec<u32> = password.nfc().map(u32::from).collect();
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    let steps = letters
        .windows(2)
        .filter(|pair| pair[0].abs_diff(pair[1]) <= 1)
        .count();
    different.len() < 5 || steps * 4 > letters.len() * 3
}

fn own_words(names: &Names, tenant: &str) -> Vec<String> {
    let local = names.email.rsplit_once('@').map_or("", |(local, _)| local);
    let whole = format!("{}{}", names.first_name, names.last_name);
    [
        &names.first_name,
        &names.last_name,
        &names.username,
        &names.email,
        local,
        &whole,
        tenant,
        "usher",
    ]
    .into_iter()
    .map(str::to_lowercase)
    .filter(|word| word.chars().count() >= LEAST_OWN_WORD)
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ada() -> Names {
        Names::of("Ada", "Lovelace", "", "ada.lovelace@example.org").expect("they are names")
    }

    fn refused(password: &str, mfa: bool) -> bool {
        let result = check(password, mfa, &ada(), "analytical");
        if let Err(error) = &result {
            assert!(error.is(ErrorReason::PasswordRefused));
        }
        result.is_err()
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(refused("kx9#mQ2vTz!p4w", false));
        assert!(!refused("kx9#mQ2vTz!p4wL", false));
        assert!(!refused("kx9#mQ2v", true));
        assert!(refused("kx9#mQ2", true));
        assert!(!refused("\u{fc}\u{f6}\u{e4}\u{df}kQ2v", true));
        assert!(refused("\u{fc}\u{f6}\u{e4}\u{df}", true));
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for bad in [
            "password",
            "Password2024!!",
            "passwordpassword",
            "PASSWORD12345678",
            "administrator1234",
            "qwertyuiopasdfgh",
            "iloveyou",
            "letmein!letmein",
            "1q2w3e4r5t",
            "12345678",
            "aaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "987654321098765",
            "abababababababab",
        ] {
            assert!(refused(bad, true), "{bad}");
        }
    }

    #[test]
    fn ones_own_names_are_refused() {
        for bad in [
            "lovelace1815",
            "adalovelace",
            "ada.lovelace@example.org",
            "lovelacelovelace",
            "analytical!!",
        ] {
            assert!(refused(bad, true), "{bad}");
        }
    }

    #[test]
    fn long_phrases_are_welcome() {
        assert!(!refused("correct horse battery staple", false));
        assert!(!refused(&"the difference engine ".repeat(40), false));
        assert!(refused(&"the difference engine ".repeat(50), false));
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(password in "\\PC{0,300}", mfa: bool) {
            let short = password.nfc().count() < if mfa { 8 } else { 15 };
            prop_assert!(!short || refused(&password, mfa));
        }
    }
}
