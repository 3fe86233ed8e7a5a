//! What a spreadsheet would take for a formula (OWASP ASVS 5.0, 1.2.10).

/// A value as a spreadsheet shows it and never runs it: one that could be a
/// formula gets an apostrophe in front. The first character decides, also
/// behind white space and invisible characters, which some programs pass over,
/// and in its full-width form.
#[must_use]
pub fn neutralised(value: String) -> String {
    let starts = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'
        )
    };
    let invisible = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
    };
    if value.starts_with(starts) || value.trim_start_matches(invisible).starts_with(starts) {
        return format!("'{value}");
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::neutralised;

    proptest! {
        #[test]
        fn nothing_that_could_run_stays(
            before in prop::sample::select(vec!["", " ", "\t", "\r", "\n", "\u{a0}", "\u{feff}", "\u{200b}"]),
            start in prop::sample::select(vec!['=', '+', '-', '@', '＝', '＋', '－', '＠']),
            rest in ".{0,20}",
        ) {
            let value = format!("{before}{start}{rest}");
            prop_assert_eq!(neutralised(value.clone()), format!("'{value}"));
        }

        #[test]
        fn other_values_stay(value in "[a-zA-Z0-9äß(][^\\x00]{0,20}") {
            prop_assert_eq!(neutralised(value.clone()), value);
        }
    }
}
