//! Headers: unfolded, looked up by name, their parameters and encoded words.

use super::decode::{base64, charset, quoted_printable};

pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The headers of a mail or part, and the body behind the blank line.
    pub(crate) fn split(raw: &[u8]) -> (Self, &[u8]) {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut at = 0;
        for line in raw.split_inclusive(|&byte| byte == b'\n') {
            at += line.len();
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                break;
            }
            match (
                line.starts_with([' ', '\t']),
                headers.last_mut(),
                line.split_once(':'),
            ) {
                (true, Some((_, value)), _) => value.push_str(line),
                (false, _, Some((name, value))) => {
                    headers.push((
                        name.trim().to_ascii_lowercase(),
                        value.trim_start().to_owned(),
                    ));
                }
                _ => {}
            }
        }
        (Self(headers), &raw[at..])
    }

    /// The first header of this (lower-case) name, as it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same, with its encoded words (RFC 2047) decoded.
    pub(crate) fn decoded(&self, name: &str) -> Option<String> {
        self.get(&name.to_ascii_lowercase()).map(words)
    }
}

/// `utf-8` of `text/plain; charset="utf-8"`.
pub(crate) fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|parameter| {
        let (known, value) = parameter.split_once('=')?;
        known
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn words(mut rest: &str) -> String {
    let mut decoded = String::new();
    let mut after_word = false;
    while let Some((plain, word, behind)) = next_word(rest) {
        // White space between two encoded words is not part of the text.
        if !(after_word && plain.trim().is_empty()) {
            decoded.push_str(plain);
        }
        decoded.push_str(&word);
        rest = behind;
        after_word = true;
    }
    decoded.push_str(rest);
    decoded
}

/// What stands before the next `=?charset?B?…?=`, what it says, and what stands behind it.
fn next_word(text: &str) -> Option<(&str, String, &str)> {
    let (plain, word) = text.split_once("=?")?;
    let mut fields = word.splitn(3, '?');
    let (set, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let (encoded, behind) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => base64(encoded.as_bytes()),
        _ => quoted_printable(encoded.replace('_', " ").as_bytes()),
    };
    Some((plain, charset(set, &bytes), behind))
}
