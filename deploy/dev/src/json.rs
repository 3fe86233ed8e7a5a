//! As much JSON as this tool needs: writing strings, and reading them back out of an object.

use std::fmt::Write as _;

/// The text as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// An object of strings, one a line.
pub(crate) fn object(fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("  {}: {}", quote(name), quote(value)))
        .collect();
    format!("{{\n{}\n}}\n", fields.join(",\n"))
}

/// The value of the first string field of this name, at whatever depth.
pub(crate) fn string(json: &str, name: &str) -> Option<String> {
    let name = quote(name);
    json.match_indices(&name).find_map(|(at, _)| {
        let value = json[at + name.len()..].trim_start().strip_prefix(':')?;
        unquote(value.trim_start().strip_prefix('"')?)
    })
}

/// What stands before the closing quote, its escapes resolved.
fn unquote(rest: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or('\u{fffd}')
                }
                c => c,
            }),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_wrote() {
        let hard = "a \"quoted\"\\ \n\u{1} é word";
        let json = object(&[("first", "1"), ("second", hard)]);
        assert_eq!(string(&json, "second").as_deref(), Some(hard));
        assert_eq!(string(&json, "third"), None);
    }

    #[test]
    fn is_not_led_astray_by_a_value_that_looks_like_a_name() {
        assert_eq!(
            string(r#"{"kind":"password","password" : "x"}"#, "password").as_deref(),
            Some("x")
        );
    }
}
