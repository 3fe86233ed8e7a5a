//! The well-known forms of `buf.validate`, as plain functions.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::OnceLock;

use regex::Regex;

/// A regular expression of the contract, compiled when first met.
pub struct Pattern {
    source: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The build script has made sure that `source` compiles.
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            regex: OnceLock::new(),
        }
    }

    /// Whether the text has the form. A form that does not compile fits nothing.
    pub fn fits(&self, text: &str) -> bool {
        self.regex
            .get_or_init(|| Regex::new(self.source).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }
}

/// Whether the text has at most `most` characters. A character takes one to
/// four bytes, so most texts are not walked through.
pub fn longest(text: &str, most: usize) -> bool {
    text.len() <= most || (text.len() <= most.saturating_mul(4) && text.chars().count() <= most)
}

/// Whether the text has at least `least` characters.
pub fn shortest(text: &str, least: usize) -> bool {
    text.len() >= least && (text.len() >= least.saturating_mul(4) || text.chars().count() >= least)
}

/// Whether no two elements are equal.
pub fn unique<T: Eq + Hash>(list: &[T]) -> bool {
    let mut seen = HashSet::with_capacity(list.len());
    list.iter().all(|element| seen.insert(element))
}

/// RFC 9562 text form: 8-4-4-4-12 hexadecimal digits.
pub fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The form that the HTML standard gives to email addresses, as in
/// `buf.validate`, and of RFC 5321 as mail servers keep it: dots stand between
/// atoms (section 4.1.2), the parts have their lengths (section 4.5.3.1).
pub fn email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        (1..=64).contains(&local.len())
            && local.split('.').all(atom)
            && domain.len() <= 253
            && domain.split('.').all(label)
    })
}

/// What stands between the dots of the part before the @.
fn atom(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte))
}

/// One part of a host name (RFC 1123 section 2.1).
fn label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_are_those_of_counting(text in "\\PC{0,40}", bound in 0usize..45) {
            let count = text.chars().count();
            prop_assert_eq!(longest(&text, bound), count <= bound);
            prop_assert_eq!(shortest(&text, bound), count >= bound);
        }

        #[test]
        fn only_the_plain_form_is_a_uuid(bits: u128, cut in 0usize..36, other in "[^0-9a-fA-F-]") {
            let good = uuid::Uuid::from_u128(bits).to_string();
            prop_assert!(super::uuid(&good));
            prop_assert!(!super::uuid(&good[..cut]));
            prop_assert!(!super::uuid(&good.replace('-', "")));
            let mut bad = good;
            bad.replace_range(cut..=cut, &other);
            prop_assert!(!super::uuid(&bad));
        }

        #[test]
        fn emails_have_parts(local in "[a-z0-9+]{1,20}(\\.[a-z0-9+]{1,20}){0,2}", domain in "[a-z][a-z0-9]{0,20}(\\.[a-z]{2,8}){0,2}") {
            let good = format!("{local}@{domain}");
            prop_assert!(email(&good));
            for bad in [format!("{local}{domain}"), format!("@{domain}"), format!("{local}@"), format!("{local} @{domain}"),
                        format!("{local}@-{domain}"), format!(".{local}@{domain}"), format!("{local}.@{domain}"),
                        format!("{local}..{local}@{domain}"), format!("{local}@{domain}."), format!("{local}@{local}@{domain}\n")] {
                prop_assert!(!email(&bad), "{}", bad);
            }
        }
    }

    #[test]
    fn patterns_are_those_of_the_contract() {
        static CODE: Pattern = Pattern::new("^[0-9]{6}$");
        assert!(CODE.fits("012345"));
        assert!(!CODE.fits("0123456") && !CODE.fits("01234") && !CODE.fits("012345\n"));
    }
}
