//! A mail as it goes over the wire.

use chrono::{DateTime, Utc};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use rpc::Error;

use crate::{db::MailId, templates::Wording};

/// Makes a mail. Its `Message-ID` follows from the mail's id, so a second copy
/// is known as one.
pub(super) fn build(
    from: &Mailbox,
    name: &str,
    email: &str,
    copy: Option<&str>,
    id: MailId,
    at: DateTime<Utc>,
    text: Wording,
) -> Result<Message, Error> {
    let name = Some(one_line(name)).filter(|name| !name.is_empty());
    let to = Mailbox::new(name, email.parse::<Address>()?);
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let mut message = Message::builder();
    if let Some(copy) = copy {
        // To be seen by whom the mail is for.
        message = message.cc(Mailbox::new(None, copy.parse::<Address>()?));
    }
    Ok(message
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .date(at.into())
        .from(from.clone())
        .to(to)
        .subject(one_line(&text.subject))
        // Out-of-office replies to it would help nobody (RFC 3834).
        .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
        .multipart(MultiPart::alternative_plain_html(text.text, text.html))?)
}

/// Text for a header or a line: what would end the line is a blank.
pub(super) fn one_line(text: &str) -> String {
    let blanked: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    blanked.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{MailId, Wording, build};

    fn text(subject: &str, text: &str) -> Wording {
        Wording {
            subject: subject.into(),
            text: text.into(),
            html: "<p>Hello</p>".into(),
        }
    }

    fn raw(name: &str, email: &str, words: Wording) -> Result<String, rpc::Error> {
        let from = "Usher <no-reply@usher.test>".parse().expect("an address");
        let id: MailId = "01890000-0000-7000-8000-000000000001"
            .parse()
            .expect("an id");
        let at = chrono::DateTime::from_timestamp(1_791_451_800, 0).expect("a time");
        let message = build(&from, name, email, None, id, at, words)?;
        Ok(String::from_utf8(message.formatted()).expect("a mail is ASCII"))
    }

    #[test]
    fn headers_are_ours_and_no_others() {
        let raw = raw("Ada Lovelace", "ada@acme.test", text("Hello", "Hi")).expect("a mail");
        let (head, _) = raw.split_once("\r\n\r\n").expect("head and body");
        let names: Vec<&str> = head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect();
        let expected = [
            "Message-ID",
            "Date",
            "From",
            "To",
            "Subject",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected);
        assert!(
            head.contains("Message-ID: <01890000-0000-7000-8000-000000000001@usher.test>"),
            "{head}"
        );
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert!(
            head.contains("Date: Thu, 08 Oct 2026 09:30:00 +0000"),
            "{head}"
        );
    }

    #[test]
    fn nothing_in_a_name_or_subject_becomes_a_header() {
        for evil in [
            "Ada\r\nBcc: eve@evil.test",
            "Ada\nBcc: eve@evil.test",
            "Ada\r\n\r\nDear Eve",
            "\u{0}Bcc: x",
        ] {
            let raw = raw(evil, "ada@acme.test", text(evil, "Hi")).expect("a mail");
            let (head, _) = raw.split_once("\r\n\r\n").expect("head and body");
            assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
            assert!(
                head.contains("Content-Type"),
                "the head ends where we end it: {head}"
            );
        }
    }

    #[test]
    fn nothing_that_is_no_address_is_sent_to() {
        for evil in [
            "ada@acme.test\r\nRCPT TO:<eve@evil.test>",
            "ada@acme.test>,<eve@evil.test",
            "ada",
        ] {
            assert!(raw("Ada", evil, text("Hello", "Hi")).is_err(), "{evil:?}");
        }
    }
}
