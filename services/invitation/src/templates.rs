//! The words of mails: `templates/<language>/<mail>.{subject.txt,txt,html}`.
//!
//! HTML templates escape all that is put into them. The templates are part of
//! the binary; a tenant's own come later (requirement I-07).

use minijinja::{Environment, UndefinedBehavior, Value, context};
use rpc::Error;

use crate::db::mails::Kind;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = &embedded![
    "layout.html",
    "en/invitation.subject.txt",
    "en/invitation.txt",
    "en/invitation.html",
    "en/password_reset.subject.txt",
    "en/password_reset.txt",
    "en/password_reset.html",
    "de/invitation.subject.txt",
    "de/invitation.txt",
    "de/invitation.html",
    "de/password_reset.subject.txt",
    "de/password_reset.txt",
    "de/password_reset.html",
    "en/factors_changed.subject.txt",
    "en/factors_changed.txt",
    "en/factors_changed.html",
    "de/factors_changed.subject.txt",
    "de/factors_changed.txt",
    "de/factors_changed.html",
    "en/email_changed.subject.txt",
    "en/email_changed.txt",
    "en/email_changed.html",
    "de/email_changed.subject.txt",
    "de/email_changed.txt",
    "de/email_changed.html",
    "en/temporary_password.subject.txt",
    "en/temporary_password.txt",
    "en/temporary_password.html",
    "en/password_expiry.subject.txt",
    "en/password_expiry.txt",
    "en/password_expiry.html",
    "de/temporary_password.subject.txt",
    "de/temporary_password.txt",
    "de/temporary_password.html",
    "de/password_expiry.subject.txt",
    "de/password_expiry.txt",
    "de/password_expiry.html",
    "en/locked_out.subject.txt",
    "en/locked_out.txt",
    "en/locked_out.html",
    "en/new_device.subject.txt",
    "en/new_device.txt",
    "en/new_device.html",
    "de/locked_out.subject.txt",
    "de/locked_out.txt",
    "de/locked_out.html",
    "de/new_device.subject.txt",
    "de/new_device.txt",
    "de/new_device.html",
];

/// All templates, parsed.
pub(crate) struct Templates(Environment<'static>);

/// What is put into a mail.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    /// The tenant's name for people.
    pub(crate) tenant: &'a str,
    /// Whom the mail addresses; empty where unknown.
    pub(crate) name: &'a str,
    /// Who invited; empty where hidden or unknown.
    pub(crate) inviter_name: &'a str,
    pub(crate) inviter_email: &'a str,
    /// Where the mail leads; empty where nowhere.
    pub(crate) link: &'a str,
    /// The password that the mail brings; empty where none.
    pub(crate) password: &'a str,
    /// When the link or the password ends, as people of the language write it.
    pub(crate) until: String,
}

impl Words<'_> {
    fn value(&self) -> Value {
        context! {
            tenant => self.tenant,
            name => self.name,
            inviter_name => self.inviter_name,
            inviter_email => self.inviter_email,
            link => self.link,
            password => self.password,
            until => self.until.as_str(),
        }
    }
}

/// A mail in words.
#[derive(Clone, Debug)]
pub(crate) struct Wording {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Templates {
    /// Parses the templates. A fault where one is broken.
    pub(crate) fn new() -> Result<Templates, Error> {
        let mut environment = Environment::new();
        // A misspelt word is an error, not a gap in a mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for &(name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(Templates(environment))
    }

    /// Writes a mail. In English where there is none in the language.
    pub(crate) fn write(
        &self,
        kind: Kind,
        language: &str,
        words: &Words<'_>,
    ) -> Result<Wording, Error> {
        let mail = match kind {
            Kind::Invitation => "invitation",
            Kind::PasswordReset => "password_reset",
            Kind::FactorsChanged => "factors_changed",
            Kind::EmailChanged => "email_changed",
            Kind::TemporaryPassword => "temporary_password",
            Kind::PasswordExpiry => "password_expiry",
            Kind::LockedOut => "locked_out",
            Kind::NewDevice => "new_device",
        };
        let language = spoken(language);
        let words = words.value();
        let part = |end| -> Result<String, Error> {
            Ok(self
                .0
                .get_template(&format!("{language}/{mail}.{end}"))?
                .render(words.clone())?)
        };
        // A subject is one line whatever the words in it hold.
        let subject = part("subject.txt")?
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Wording {
            subject,
            text: part("txt")?,
            html: part("html")?,
        })
    }
}

/// The language in which a mail is written, for an IETF tag.
pub(crate) fn spoken(language: &str) -> &'static str {
    match language.split('-').next() {
        Some("de") => "de",
        _ => "en",
    }
}

/// A time as people of the language write it.
pub(crate) fn written(at: chrono::DateTime<chrono::Utc>, language: &str) -> String {
    let form = match spoken(language) {
        "de" => "%d.%m.%Y um %H:%M Uhr (UTC)",
        _ => "%-d %B %Y, %H:%M UTC",
    };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Templates, Wording, Words, written};
    use crate::db::mails::Kind;

    fn words() -> Words<'static> {
        Words {
            tenant: "Acme & Söhne",
            name: "Ada Lovelace",
            inviter_name: "Grace Hopper",
            inviter_email: "grace@acme.test",
            link: "https://usher.test/invitation#uit_secret-_1",
            password: "Kt7mWq2xPd9fRb4h",
            until: "8 October 2026, 09:30 UTC".into(),
        }
    }

    fn write(kind: Kind, language: &str, words: &Words<'_>) -> Wording {
        Templates::new()
            .and_then(|templates| templates.write(kind, language, words))
            .expect("a mail")
    }

    #[test]
    fn an_invitation_in_english() {
        let mail = write(Kind::Invitation, "en", &words());
        assert_eq!(mail.subject, "Grace Hopper invites you to Acme & Söhne");
        // HTML writes a slash as a character reference.
        let html = mail.html.replace("&#x2f;", "/");
        for part in [&mail.text, &html] {
            assert!(part.contains("Hello Ada Lovelace"), "{part}");
            assert!(part.contains("grace@acme.test"), "{part}");
            assert!(part.contains("8 October 2026, 09:30 UTC"), "{part}");
        }
        assert!(
            mail.text
                .contains("\nhttps://usher.test/invitation#uit_secret-_1\n"),
            "{}",
            mail.text
        );
        assert!(
            html.contains(r#"href="https://usher.test/invitation#uit_secret-_1""#),
            "{html}"
        );
        assert!(mail.html.contains("Acme &amp; Söhne"), "{}", mail.html);
        assert!(mail.html.contains(r#"lang="en""#), "{}", mail.html);
    }

    #[test]
    fn an_invitation_in_german_from_nobody_in_particular() {
        let mail = write(
            Kind::Invitation,
            "de-AT",
            &Words {
                inviter_name: "",
                inviter_email: "",
                name: "",
                ..words()
            },
        );
        assert_eq!(mail.subject, "Einladung zu Acme & Söhne");
        assert!(mail.text.contains("Guten Tag,\n"), "{}", mail.text);
        assert!(!mail.text.contains("grace"), "{}", mail.text);
        assert!(!mail.html.contains("Grace"), "{}", mail.html);
        assert!(mail.html.contains(r#"lang="de""#), "{}", mail.html);
    }

    #[test]
    fn a_password_reset_in_both_languages_and_english_for_others() {
        assert_eq!(
            write(Kind::PasswordReset, "en", &words()).subject,
            "Set a new password for Acme & Söhne"
        );
        assert_eq!(
            write(Kind::PasswordReset, "fr", &words()).subject,
            "Set a new password for Acme & Söhne"
        );
        let german = write(Kind::PasswordReset, "de", &words());
        assert_eq!(german.subject, "Neues Passwort für Acme & Söhne");
        assert!(
            german
                .text
                .contains("https://usher.test/invitation#uit_secret-_1"),
            "{}",
            german.text
        );
    }

    #[test]
    fn a_notice_about_factors_in_both_languages() {
        let english = write(Kind::FactorsChanged, "en", &words());
        assert_eq!(
            english.subject,
            "Your second factors for Acme & Söhne were changed"
        );
        let german = write(Kind::FactorsChanged, "de", &words());
        assert!(german.text.contains("Wiederherstellungscode"), "{german:?}");
        for mail in [english, german] {
            assert!(
                !mail.html.contains("href"),
                "a notice leads nowhere: {mail:?}"
            );
        }
    }

    #[test]
    fn a_temporary_password_and_a_notice_in_both_languages() {
        let mail = write(Kind::TemporaryPassword, "en", &words());
        assert_eq!(mail.subject, "Your temporary password for Acme & Söhne");
        let german = write(Kind::TemporaryPassword, "de", &words());
        assert_eq!(german.subject, "Ihr vorläufiges Passwort für Acme & Söhne");
        for mail in [&mail, &german] {
            assert!(
                mail.text.contains("\n    Kt7mWq2xPd9fRb4h\n"),
                "{}",
                mail.text
            );
            assert!(mail.html.contains("Kt7mWq2xPd9fRb4h"), "{}", mail.html);
        }
        let notice = write(Kind::PasswordExpiry, "en", &words());
        assert_eq!(
            notice.subject,
            "Your password for Acme & Söhne must be changed soon"
        );
        assert!(notice.text.contains("8 October 2026"), "{}", notice.text);
        let german = write(Kind::PasswordExpiry, "de", &words());
        assert_eq!(
            german.subject,
            "Ihr Passwort für Acme & Söhne muss bald geändert werden"
        );
        for mail in [&notice, &german] {
            assert!(!mail.text.contains("Kt7mWq2xPd9fRb4h"), "{}", mail.text);
        }
    }

    #[test]
    fn notices_name_the_tenant_and_hold_no_link() {
        for (kind, en, de) in [
            (Kind::LockedOut, "was locked", "gesperrt"),
            (Kind::NewDevice, "new device", "neues Gerät"),
        ] {
            for (language, said) in [("en", en), ("de", de)] {
                let mail = write(kind, language, &words());
                assert!(mail.subject.contains(said), "{}", mail.subject);
                assert!(mail.subject.contains("Acme & Söhne"), "{}", mail.subject);
                assert!(mail.text.contains("Acme & Söhne"), "{}", mail.text);
                assert!(!mail.text.contains("http"), "{}", mail.text);
                assert!(mail.html.contains("Ada Lovelace"), "{}", mail.html);
            }
        }
    }

    #[test]
    fn words_cannot_become_html_or_headers() {
        let evil = r#"<script>alert(1)</script>" onclick="x"#;
        let mail = write(
            Kind::Invitation,
            "en",
            &Words {
                tenant: "Acme\r\nBcc: eve@evil.test",
                name: evil,
                inviter_name: evil,
                ..words()
            },
        );
        assert!(!mail.html.contains("<script"), "{}", mail.html);
        assert!(!mail.html.contains(r#"" onclick"#), "{}", mail.html);
        assert!(!mail.subject.contains(['\r', '\n']), "{}", mail.subject);
    }

    #[test]
    fn times_are_written_as_people_do() {
        let at = DateTime::from_timestamp(1_791_451_800, 0).expect("a time");
        assert_eq!(written(at, "en"), "8 October 2026, 09:30 UTC");
        assert_eq!(written(at, "de"), "08.10.2026 um 09:30 Uhr (UTC)");
    }
}
