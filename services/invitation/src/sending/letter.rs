//! Writing a mail: the only moment at which its secret exists.

use chrono::{DateTime, Utc};
use contract::identity::{
    self, FindUsersRequest, IssuePasswordResetTokenRequest, IssuePasswordResetTokenResponse,
    Tenant, User, UserStatus,
};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use rpc::{Caller, Error};
use zeroize::Zeroizing;

use super::Post;
use crate::{
    Invitation,
    acceptance::link,
    db::{
        Lease, MailId, invitations,
        mails::{
            Kind,
            queue::{self, Claimed},
        },
    },
    peers::SERVICE,
    templates::{Wording, Words, written},
};

/// A mail ready to be sent.
pub(super) struct Letter {
    pub(super) message: Message,
    /// What must not be seen in any answer of the mail server.
    pub(super) secret: Zeroizing<String>,
}

/// Writes a mail. `None` where it is not needed any more.
pub(super) async fn write(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    lease: Lease,
) -> Result<Option<Letter>, Error> {
    let tenant = app.peers.tenant(mail.tenant_id).await?;
    match mail.kind {
        Kind::Invitation => invitation(app, post, mail, &tenant).await,
        Kind::PasswordReset => password_reset(app, post, mail, lease, &tenant).await,
    }
}

async fn invitation(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    tenant: &Tenant,
) -> Result<Option<Letter>, Error> {
    let Some(id) = mail.invitation_id else {
        return Ok(None);
    };
    let secret = link::mint();
    let hash = link::hash(app.store.keys(), &secret);
    let mut tx = app
        .store
        .tenant(mail.tenant_id, &Caller::system(SERVICE, mail.tenant_id))
        .await?;
    let row = invitations::set_link(&mut tx, mail.tenant_id, id, mail.id, &hash).await?;
    tx.done().await?;
    let Some(row) = row else { return Ok(None) };
    let shown = |text: &str| {
        if row.inviter_hidden {
            String::new()
        } else {
            one_line(text)
        }
    };
    let to = Addressee {
        name: one_line(&format!("{} {}", row.first_name, row.last_name)),
        email: &row.email,
        language: &row.language,
    };
    let words = Words {
        tenant: &one_line(&tenant.display_name),
        name: &to.name,
        inviter_name: &shown(&row.inviter_name),
        inviter_email: &shown(&row.inviter_email),
        link: &post.link_base.link("invitation", &secret),
        until: written(row.expire_time, to.language),
    };
    let message = compose(app, post, mail, &to, &words)?;
    Ok(Some(Letter { message, secret }))
}

async fn password_reset(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    lease: Lease,
    tenant: &Tenant,
) -> Result<Option<Letter>, Error> {
    let caller = Caller::system(SERVICE, mail.tenant_id);
    let Some(user) = find(app, &caller, mail).await? else {
        return Ok(None);
    };
    let Some(issued) = issue(app, &caller, mail).await? else {
        return Ok(None);
    };
    let secret = Zeroizing::new(issued.token);
    let mut tx = app.store.tenant(mail.tenant_id, &caller).await?;
    let User {
        email, language, ..
    } = &user;
    queue::address(&mut tx, mail.tenant_id, mail.id, lease, email, language).await?;
    tx.done().await?;
    let end = issued.expire_time.unwrap_or_default();
    let end = DateTime::from_timestamp(end.seconds, 0).unwrap_or_default();
    let name = one_line(&format!("{} {}", user.first_name, user.last_name));
    let to = Addressee {
        name,
        email,
        language,
    };
    let words = Words {
        tenant: &one_line(&tenant.display_name),
        name: &to.name,
        inviter_name: "",
        inviter_email: "",
        link: &post.link_base.link("password-reset", &secret),
        until: written(end, to.language),
    };
    let message = compose(app, post, mail, &to, &words)?;
    Ok(Some(Letter { message, secret }))
}

/// The token of a reset link; `None` where the user cannot have one any more.
async fn issue(
    app: &Invitation,
    caller: &Caller,
    mail: &Claimed,
) -> Result<Option<IssuePasswordResetTokenResponse>, Error> {
    let request = IssuePasswordResetTokenRequest {
        user_id: mail.user_id.to_string(),
    };
    let issued = app
        .peers
        .users(caller)
        .issue_password_reset_token(request)
        .await;
    match issued.map_err(Error::from) {
        Ok(issued) => Ok(Some(issued.into_inner())),
        Err(error) if error.is(identity::ErrorReason::UserNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who is to get a reset mail; nobody who was deleted or disabled since.
async fn find(app: &Invitation, caller: &Caller, mail: &Claimed) -> Result<Option<User>, Error> {
    let request = FindUsersRequest {
        emails: Vec::new(),
        user_ids: vec![mail.user_id.to_string()],
    };
    let found = app
        .peers
        .users(caller)
        .find_users(request)
        .await?
        .into_inner()
        .users;
    Ok(found
        .into_iter()
        .next()
        .filter(|user| user.status() != UserStatus::Inactive))
}

/// Whom a mail goes to.
struct Addressee<'a> {
    name: String,
    email: &'a str,
    language: &'a str,
}

fn compose(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    to: &Addressee<'_>,
    words: &Words<'_>,
) -> Result<Message, Error> {
    let text = post.templates.write(mail.kind, to.language, words)?;
    message(
        &post.from,
        &to.name,
        to.email,
        mail.id,
        app.store.clock().now(),
        text,
    )
}

/// Text for a header or a line: what would end the line is a blank.
fn one_line(text: &str) -> String {
    let blanked: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    blanked.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A mail as it goes over the wire. Its `Message-ID` follows from the mail's
/// id, so a second copy is known as one.
pub(super) fn message(
    from: &Mailbox,
    name: &str,
    email: &str,
    id: MailId,
    at: DateTime<Utc>,
    text: Wording,
) -> Result<Message, Error> {
    let name = Some(one_line(name)).filter(|name| !name.is_empty());
    let to = Mailbox::new(name, email.parse::<Address>()?);
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    Ok(Message::builder()
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .date(at.into())
        .from(from.clone())
        .to(to)
        .subject(one_line(&text.subject))
        // Out-of-office replies to it would help nobody (RFC 3834).
        .raw_header(HeaderValue::new(automatic, "auto-generated".into()))
        .multipart(MultiPart::alternative_plain_html(text.text, text.html))?)
}

#[cfg(test)]
mod tests {
    use super::{MailId, Wording, message};

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
        let message = message(&from, name, email, id, at, words)?;
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
