//! Mails as JSON.

use std::fmt::Write as _;

use crate::message::Message;

pub(crate) fn mail(mail: &Message) -> String {
    let to: Vec<_> = mail.to.iter().map(|to| quote(to)).collect();
    format!(
        r#"{{"id":{},"from":{},"to":[{}],"subject":{},"text":{},"html":{},"raw":{},"received":{}}}"#,
        mail.id,
        quote(&mail.from),
        to.join(","),
        quote(&mail.subject),
        quote(&mail.text),
        quote(&mail.html),
        quote(&String::from_utf8_lossy(&mail.raw)),
        quote(&mail.received),
    )
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_what_json_must_quote() {
        assert_eq!(super::quote("a\"b\\c\nd\u{1}é"), r#""a\"b\\c\nd\u0001é""#);
    }
}
