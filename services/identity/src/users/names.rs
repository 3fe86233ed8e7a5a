//! Names as they are kept, and what they are compared, sorted and searched by.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The most bytes of a key that an index takes without trouble.
const KEY_BYTES: usize = 1024;

/// The most bytes of a name, and of an address, that are sorted and searched by:
/// all that the contract allows, in letters of one byte. A row of an index takes
/// 2,700 bytes in all.
const SORTED_NAME: usize = 300;
const SORTED_ADDRESS: usize = 600;

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
    /// Sorts by last name, first name and address; what a search looks through.
    pub sort_key: String,
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
        // A separator below every letter: Anna Li comes before Anna Lia.
        let mut sort_key = [
            cut(folded(&last_name), SORTED_NAME),
            cut(folded(&first_name), SORTED_NAME),
            cut(folded(&email), SORTED_ADDRESS),
        ]
        .join("\u{1}");
        if username != email {
            sort_key.push('\u{1}');
            sort_key.push_str(&cut(folded(&username), SORTED_ADDRESS));
        }
        Some(Names {
            first_name,
            last_name,
            username,
            email,
            username_key,
            email_key,
            sort_key,
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

/// The beginning of a text, of whole letters.
fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// The words of a query, as the texts that are searched have them. One or two
/// letters are in the middle of nearly every name: they are looked for where one
/// begins, behind a separator.
pub fn words(query: &str) -> Vec<String> {
    let query = folded(&clean(query));
    let sought = |word: &str| match word.chars().nth(2) {
        Some(_) => word.to_owned(),
        None => format!("\u{1}{word}"),
    };
    query.split_whitespace().map(sought).collect()
}

/// A pattern for LIKE that finds a word anywhere in a text.
pub fn pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
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
        assert_eq!(words("Mu\u{308}LLER  jurg"), ["muller", "jurg"]);
        assert_eq!(words("M\u{fc} \u{1}j"), ["\u{1}mu", "\u{1}j"]);
        assert_eq!(names.sort_key, "muller\u{1}jurgen\u{1}jm@example.org");
    }

    #[test]
    fn a_query_is_no_pattern() {
        assert_eq!(pattern("100%_\\"), "%100\\%\\_\\\\%");
        assert!(words(" \u{7} ").is_empty());
    }

    proptest! {
        #[test]
        fn keys_are_stable_and_bounded(text in "\\PC{0,254}") {
            prop_assert_eq!(key(&key(&text)), key(&text));
            if let Some(names) = Names::of(&text, &text, "", &text) {
                prop_assert!(names.sort_key.len() <= 1803);
                prop_assert!(!names.sort_key.contains('\0'));
            }
        }
    }
}
