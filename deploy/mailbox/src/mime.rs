//! Reading a mail: its subject, its text, its HTML. As much of RFC 2045 to 2047 as mailers use.

mod decode;
mod header;

use decode::{charset, transfer};
use header::{Headers, parameter};

/// A part within a part within a part … deeper than this is not looked into.
const DEEPEST: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

pub(crate) fn read(raw: &[u8]) -> Reading {
    let (headers, body) = Headers::split(raw);
    let mut reading = Reading {
        subject: headers.decoded("subject").unwrap_or_default(),
        ..Reading::default()
    };
    part(&headers, body, &mut reading, 0);
    reading
}

pub(crate) fn header(raw: &[u8], name: &str) -> Option<String> {
    Headers::split(raw).0.decoded(name)
}

fn part(headers: &Headers, body: &[u8], reading: &mut Reading, depth: usize) {
    let kind = headers.get("content-type").unwrap_or("text/plain");
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence.starts_with("multipart/") && depth < DEEPEST {
        for inner in parts(body, &parameter(kind, "boundary").unwrap_or_default()) {
            let (headers, body) = Headers::split(inner);
            part(&headers, body, reading, depth + 1);
        }
        return;
    }
    let place = match essence.as_str() {
        "text/plain" => &mut reading.text,
        "text/html" => &mut reading.html,
        _ => return,
    };
    if place.is_empty() {
        let encoding = headers.get("content-transfer-encoding").unwrap_or("7bit");
        *place = charset(
            &parameter(kind, "charset").unwrap_or_default(),
            &transfer(encoding, body),
        );
    }
}

/// The parts between the boundary's lines. The line end before a boundary belongs to the boundary.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begin = None;
    let mut at = 0;
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let trimmed = line.trim_ascii_end();
        if trimmed.starts_with(mark.as_bytes()) && matches!(&trimmed[mark.len()..], b"" | b"--") {
            if let Some(begin) = begin {
                let part: &[u8] = &body[begin..at];
                parts.push(
                    part.strip_suffix(b"\r\n")
                        .or(part.strip_suffix(b"\n"))
                        .unwrap_or(part),
                );
            }
            begin = (!trimmed.ends_with(b"--") || trimmed.len() == mark.len())
                .then_some(at + line.len());
        }
        at += line.len();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: Usher <no-reply@usher.test>\r\n\
        Subject: =?utf-8?B?R3LDvMOfZQ==?= =?utf-8?Q?_aus_M=C3=BCnchen?=\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative;\r\n boundary=\"b 1\"\r\n\r\n\
        preamble\r\n\
        --b 1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        Gr=C3=BC=\r\n=C3=9Fe\r\n\
        --b 1\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        PGI+R3LD\r\nvMOfZTwvYj4=\r\n\
        --b 1--\r\n";

    #[test]
    fn reads_subject_text_and_html() {
        let reading = read(MAIL);
        assert_eq!(reading.subject, "Grüße aus München");
        assert_eq!(reading.text, "Grüße");
        assert_eq!(reading.html, "<b>Grüße</b>");
    }

    #[test]
    fn reads_a_mail_without_any_mime() {
        let reading = read(b"Subject: plain\r\n\r\nhello\r\n");
        assert_eq!(
            (reading.subject.as_str(), reading.text.as_str()),
            ("plain", "hello\r\n")
        );
    }

    #[test]
    fn survives_nonsense() {
        for raw in [
            &b""[..],
            b"\r\n",
            b":",
            b"Content-Type: multipart/mixed\r\n\r\n--\r\n--",
            b"Subject: =?x?B?",
        ] {
            read(raw);
        }
    }
}
