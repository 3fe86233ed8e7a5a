//! What a password must be: NIST SP 800-63B-4, section 3.1.1.2, and OWASP ASVS
//! 5, section 6.2. Length and not being known or guessed are what counts; there
//! are no rules about kinds of characters, which make people choose worse. A
//! tenant's policy asks for more than these, never for less.

use std::sync::Arc;

use contract::identity::{ErrorReason, MfaPolicy};
use rpc::{Because as _, Error};
use unicode_normalization::UnicodeNormalization as _;

use super::{blocklist::COMMON, breached::Breached};
use crate::{db, users::names::Names};

/// The least characters where the password is the only factor.
const LEAST_ALONE: usize = 15;
/// The least characters where a second factor is asked of everybody.
const LEAST_WITH_MFA: usize = 8;
/// The most bytes.
const MOST_BYTES: usize = 1024;
/// Shorter words of a user's own say little.
const LEAST_OWN_WORD: usize = 4;

/// What a new password must be.
pub struct Terms {
    least: usize,
    strength: u8,
    own_words: Vec<String>,
    former: i64,
    /// `None` where those that are known from breaches are taken.
    breached: Option<Arc<Breached>>,
    /// The field of the request that the password came in.
    field: &'static str,
}

impl Terms {
    /// What a tenant, by its short name, asks of the password of a user.
    pub fn of(
        breached: &Arc<Breached>,
        policy: &db::policies::Row,
        tenant: &str,
        names: &Names,
    ) -> Terms {
        let least = match db::tenants::policy(&policy.mfa_policy) {
            MfaPolicy::Required => LEAST_WITH_MFA,
            _ => LEAST_ALONE,
        };
        let asked = usize::try_from(policy.password_min_length).unwrap_or_default();
        Terms {
            least: least.max(asked),
            strength: u8::try_from(policy.password_min_strength).unwrap_or_default(),
            own_words: own_words(names, tenant),
            former: policy.password_history_length.into(),
            breached: (!policy.password_breached_allowed).then(|| breached.clone()),
            field: "password",
        }
    }

    /// The same for a password that came in this field of a request.
    pub fn of_field(self, field: &'static str) -> Terms {
        Terms { field, ..self }
    }

    /// How many passwords before the one in force cannot be used again.
    pub fn former(&self) -> i64 {
        self.former
    }

    /// Refuses with `PASSWORD_REFUSED`. What costs least comes first.
    pub fn check(&self, password: &str) -> Result<(), Error> {
        match self.broken(password) {
            Some(rule) => Err(refused(self.field, &rule)),
            None if self.is_breached(password)? => Err(refused(
                self.field,
                "must not be one that is known from a breach of another service",
            )),
            None => Ok(()),
        }
    }

    /// The refusal of one that is in force, or was.
    pub fn taken(&self) -> Error {
        refused(
            self.field,
            "must be another than the one before, and those before that",
        )
    }

    fn broken(&self, password: &str) -> Option<String> {
        if password.nfc().count() < self.least {
            return Some(format!("must have {} characters or more", self.least));
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
        let own = |core: &str| self.own_words.iter().any(|own| own == core);
        if is_known(&word, own) {
            return Some(
                "must not be made of your name, your address or the name of your organisation"
                    .into(),
            );
        }
        // It looks at the first hundred characters, so that its cost is bounded.
        let own_words: Vec<&str> = self.own_words.iter().map(String::as_str).collect();
        let score = u8::from(zxcvbn::zxcvbn(password, &own_words).score());
        (score < self.strength).then(|| {
            format!(
                "must be harder to guess: its strength is {score} of 4, and {} is asked for",
                self.strength
            )
        })
    }

    fn is_breached(&self, password: &str) -> Result<bool, Error> {
        match &self.breached {
            Some(breached) => Ok(breached.contains(password)?),
            None => Ok(false),
        }
    }
}

/// Refuses a password by the rule that it breaks.
pub fn refused(field: &str, rule: &str) -> Error {
    ErrorReason::PasswordRefused
        .because(format!("the password {rule}"))
        .violation(field, rule)
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
mod tests;
