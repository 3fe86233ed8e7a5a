//! Names as they are kept, and what they are compared, sorted and searched by.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The most bytes of a key that an index takes without trouble.
const KEY_BYTES: usize = 1024;

/// How many characters of a name count for sorting.
const SORTED_CHARS: usize = 64;

/// The names of a user, cleaned, and their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The name for logging in.
    pub username: String,
    /// The address.
    pub email: String,
    /// Equal for usernames that count as the same.
    pub username_key: String,
    /// Equal for addresses that count as the same.
    pub email_key: String,
    /// Sorts by last name, first name and address.
    pub sort_key: String,
    /// What a search looks through.
    pub search_text: String,
}

impl Names {
    /// Cleans names. An empty username stands for the address. `None` where the
    /// address or the username is empty or too long to be compared.
    pub fn of(first_name: &str, last_name: &str, username: &str, email: &str) -> Option<Names> {
        let (first_name, last_name) = (clean(first_name), clean(last_name));
        let email = clean_email(email);
        let username = match clean(username) {
            empty if empty.is_empty() => email.clone(),
            given => given,
        };
        let (username_key, email_key) = (key(&username), key(&email));
        let fits = |key: &str| (1..=KEY_BYTES).contains(&key.len());
        if !fits(&username_key) || !fits(&email_key) {
            return None;
        }
        let sorted = |text: &str| folded(text).chars().take(SORTED_CHARS).collect::<String>();
        // A separator below every letter: Anna Li comes before Anna Lia.
        let sort_key = [sorted(&last_name), sorted(&first_name), sorted(&email)].join("\u{1}");
        // Both orders, so that "ada love" and "lovelace, a" both find her.
        let search_text = folded(&format!(
            "{first_name} {last_name}\u{1}{last_name} {first_name}\u{1}{email}\u{1}{username}"
        ));
        Some(Names {
            first_name,
            last_name,
            username,
            email,
            username_key,
            email_key,
            sort_key,
            search_text,
        })
    }
}

/// Text as it is kept: trimmed, without control characters, in Unicode NFC.
pub fn clean(text: &str) -> String {
    text.nfc()
        .filter(|letter| !letter.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}

/// What usernames and addresses are compared by. Compatibility forms and case
/// do not count, so that no second account looks like the first (as RFC 8265,
/// `UsernameCaseMapped`, and stricter). The key of a key is that key.
pub fn key(text: &str) -> String {
    // Lower case can have forms of its own, and those another lower case.
    let once = |text: &str| text.nfkc().collect::<String>().to_lowercase();
    let mut key = once(text);
    for _ in 0..3 {
        key = once(key.trim());
    }
    key.nfkc().collect::<String>().trim().to_owned()
}

/// What is sorted and searched by: without case and without accents.
pub fn folded(text: &str) -> String {
    text.nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .collect::<String>()
        .to_lowercase()
}

/// A pattern that finds a query anywhere in a search text; `None` for an empty
/// query.
pub fn pattern(query: &str) -> Option<String> {
    let query = folded(&clean(query));
    if query.is_empty() {
        return None;
    }
    let mut pattern = String::with_capacity(query.len() + 2);
    pattern.push('%');
    for letter in query.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Some(pattern)
}

/// The domain of an address has no case (RFC 5321, section 2.4); the part
/// before it may have, and is kept as typed.
fn clean_email(text: &str) -> String {
    let text = clean(text);
    match text.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(username: &str, email: &str) -> Names {
        Names::of("Ada", "Lovelace", username, email).expect("they are names")
    }

    #[test]
    fn spellings_of_one_name_share_a_key() {
        let spellings = [
            "Ada@Example.ORG",
            " ada@example.org ",
            "\u{ff21}da@example.org",
            "ADA@EXAMPLE.ORG",
        ];
        for spelling in spellings {
            assert_eq!(
                names("", spelling).email_key,
                "ada@example.org",
                "{spelling}"
            );
            assert_eq!(
                names(spelling, "x@example.org").username_key,
                "ada@example.org",
                "{spelling}"
            );
        }
        assert_eq!(
            names("", "u\u{308}@example.org").email_key,
            names("", "\u{dc}@example.org").email_key
        );
    }

    #[test]
    fn the_key_of_a_key_is_that_key() {
        // Becomes a blank and a mark, and the blank is trimmed.
        assert_eq!(key(&key("\u{1fdd}")), key("\u{1fdd}"));
    }

    #[test]
    fn only_the_domain_loses_its_case() {
        assert_eq!(names("", "Ada.L@Example.ORG").email, "Ada.L@example.org");
    }

    #[test]
    fn accents_do_not_hide_a_name() {
        let names =
            Names::of("J\u{fc}rgen", "M\u{fc}ller", "", "jm@example.org").expect("they are names");
        let found = pattern("muller, ").expect("a query");
        assert_eq!(found, "%muller,%");
        assert!(names.search_text.contains("jurgen muller"));
    }

    #[test]
    fn a_query_is_no_pattern() {
        assert_eq!(pattern("100%_\\"), Some("%100\\%\\_\\\\%".to_owned()));
        assert_eq!(pattern(" \u{7} "), None);
    }

    proptest! {
        #[test]
        fn keys_are_stable_and_bounded(text in "\\PC{0,254}") {
            prop_assert_eq!(key(&key(&text)), key(&text));
            if let Some(names) = Names::of(&text, &text, "", &text) {
                prop_assert!(names.sort_key.len() < 2600);
                prop_assert!(!names.search_text.contains('\0'));
            }
        }
    }
}
