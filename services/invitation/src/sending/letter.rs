//! Writing a mail: the only moment at which its secret exists.

use chrono::{DateTime, TimeDelta, Utc};
use contract::identity::{
    self, FindUsersRequest, GetFormerEmailRequest, IssuePasswordResetTokenRequest,
    IssueTemporaryPasswordRequest, Tenant, User, UserStatus,
};
use lettre::Message;
use prost_types::Timestamp;
use rpc::{Caller, Error};
use zeroize::Zeroizing;

use super::{
    Post,
    message::{self, one_line},
};
use crate::{
    Invitation,
    acceptance::link,
    db::{
        Lease, invitations,
        mails::{
            Kind,
            queue::{self, Claimed},
        },
    },
    peers::SERVICE,
    templates::{Words, written},
};

/// What comes of writing a mail.
pub(super) enum Written {
    /// It is ready to be sent.
    Letter(Letter),
    /// It is not needed any more.
    Needless,
    /// It cannot be written, now or later.
    Never(Error),
}

/// A mail ready to be sent.
pub(super) struct Letter {
    pub(super) message: Message,
    /// The domain that it goes to, in lower case.
    pub(super) domain: String,
    /// What must not be seen in any answer of the mail server.
    pub(super) secret: Zeroizing<String>,
}

/// Writes a mail. An error says that it may be tried again: something is away.
pub(super) async fn write(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    lease: Lease,
) -> Result<Written, Error> {
    let tenant = app.peers.tenant(mail.tenant_id).await?;
    match mail.kind {
        Kind::Invitation => invitation(app, post, mail, &tenant).await,
        _ => to_user(app, post, mail, lease, &tenant).await,
    }
}

async fn invitation(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    tenant: &Tenant,
) -> Result<Written, Error> {
    let Some(id) = mail.invitation_id else {
        return Ok(Written::Needless);
    };
    let secret = link::mint();
    let hash = link::hash(app.store.keys(), &secret);
    let mut tx = app
        .store
        .tenant(mail.tenant_id, &Caller::system(SERVICE, mail.tenant_id))
        .await?;
    let row = invitations::set_link(&mut tx, mail.tenant_id, id, mail.id, &hash).await?;
    tx.done().await?;
    let Some(row) = row else {
        return Ok(Written::Needless);
    };
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
        copy: None,
        language: &row.language,
    };
    let words = Words {
        tenant: &one_line(&tenant.display_name),
        name: &to.name,
        inviter_name: &shown(&row.inviter_name),
        inviter_email: &shown(&row.inviter_email),
        link: &post.link_base.link("invitation", &secret),
        password: "",
        until: written(row.expire_time, to.language),
    };
    Ok(compose(app, post, mail, &to, &words, secret))
}

/// A mail to somebody whom identity knows, with what it minted for it.
async fn to_user(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    lease: Lease,
    tenant: &Tenant,
) -> Result<Written, Error> {
    let caller = Caller::system(SERVICE, mail.tenant_id);
    let Some(user) = find(app, &caller, mail).await? else {
        return Ok(Written::Needless);
    };
    let Some(email) = addressed(app, &caller, mail, &user).await? else {
        return Ok(Written::Needless);
    };
    let Some(minted) = mint(app, &caller, mail, &user).await? else {
        return Ok(Written::Needless);
    };
    let email = minted.email.clone().unwrap_or(email);
    let language = &user.language;
    let mut tx = app.store.tenant(mail.tenant_id, &caller).await?;
    queue::address(&mut tx, mail.tenant_id, mail.id, lease, &email, language).await?;
    tx.done().await?;
    let to = Addressee {
        name: one_line(&format!("{} {}", user.first_name, user.last_name)),
        email: &email,
        copy: Some(minted.copy.as_str()).filter(|copy| !copy.is_empty()),
        language,
    };
    let (link, password) = match mail.kind {
        Kind::PasswordReset => (post.link_base.link("password-reset", &minted.secret), ""),
        _ => (String::new(), minted.secret.as_str()),
    };
    let words = Words {
        tenant: &one_line(&tenant.display_name),
        name: &to.name,
        inviter_name: "",
        inviter_email: "",
        link: &link,
        password,
        until: written(minted.until, to.language),
    };
    Ok(compose(app, post, mail, &to, &words, minted.secret.clone()))
}

/// Where a mail to a user goes: the address that they have or, of a change of the
/// address, the one that they had; `None` where that is not kept any more.
async fn addressed(
    app: &Invitation,
    caller: &Caller,
    mail: &Claimed,
    user: &User,
) -> Result<Option<String>, Error> {
    let Some(change) = mail.change_id else {
        return Ok(Some(user.email.clone()));
    };
    // Asked for once: identity does not keep it for long.
    if !mail.email.is_empty() {
        return Ok(Some(mail.email.clone()));
    }
    let request = GetFormerEmailRequest {
        change_id: change.to_string(),
    };
    let former = app.peers.users(caller).get_former_email(request).await;
    match former.map_err(Error::from) {
        Ok(former) => Ok(Some(former.into_inner().email)),
        Err(error) if error.is(identity::ErrorReason::UserNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What identity makes for one mail.
struct Minted {
    /// Empty where the mail brings none.
    secret: Zeroizing<String>,
    until: DateTime<Utc>,
    /// Who gets a copy; empty for nobody.
    copy: String,
    /// The address that it was made for. The user may have had another a moment
    /// ago, and what was made for that is worth nothing.
    email: Option<String>,
}

/// An expiry further away is told of when it is near.
const SOON: TimeDelta = TimeDelta::days(14);

/// Mints what a mail brings; `None` where it is not needed any more.
async fn mint(
    app: &Invitation,
    caller: &Caller,
    mail: &Claimed,
    user: &User,
) -> Result<Option<Minted>, Error> {
    let mut users = app.peers.users(caller);
    let time = |time: Option<Timestamp>| {
        DateTime::from_timestamp(time.unwrap_or_default().seconds, 0).unwrap_or_default()
    };
    let minted = match mail.kind {
        Kind::TemporaryPassword => {
            let mail_id = mail.id.to_string();
            let ask = IssueTemporaryPasswordRequest { mail_id };
            users.issue_temporary_password(ask).await.map(|reply| {
                let issued = reply.into_inner();
                Minted {
                    secret: Zeroizing::new(issued.password),
                    until: time(issued.expire_time),
                    copy: issued.copy_email,
                    email: Some(issued.email),
                }
            })
        }
        Kind::PasswordReset => {
            let user_id = mail.user_id.to_string();
            let ask = IssuePasswordResetTokenRequest { user_id };
            users.issue_password_reset_token(ask).await.map(|reply| {
                let issued = reply.into_inner();
                Minted {
                    secret: Zeroizing::new(issued.token),
                    until: time(issued.expire_time),
                    copy: String::new(),
                    email: Some(issued.email),
                }
            })
        }
        // Changed since: there is nothing to say.
        Kind::PasswordExpiry if !expires_soon(app, user) => return Ok(None),
        // A notice.
        _ => Ok(Minted {
            secret: Zeroizing::default(),
            until: time(user.password_expire_time),
            copy: String::new(),
            email: None,
        }),
    };
    let gone = |error: &Error| {
        error.is(identity::ErrorReason::UserNotFound)
            || error.is(identity::ErrorReason::PasswordMailEnded)
    };
    match minted.map_err(Error::from) {
        Ok(minted) => Ok(Some(minted)),
        Err(error) if gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn expires_soon(app: &Invitation, user: &User) -> bool {
    let end = user
        .password_expire_time
        .and_then(|time| DateTime::from_timestamp(time.seconds, 0));
    end.is_some_and(|end| end <= app.store.clock().now() + SOON)
}

/// Whom a mail is about; nobody who was deleted or disabled since.
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
    copy: Option<&'a str>,
    language: &'a str,
}

/// Puts the mail together. Asked again it would fail again, and each time have
/// cost another link.
fn compose(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    to: &Addressee<'_>,
    words: &Words<'_>,
    secret: Zeroizing<String>,
) -> Written {
    let (now, (_, domain)) = (
        app.store.clock().now(),
        to.email.rsplit_once('@').unwrap_or_default(),
    );
    let text = post.templates.write(mail.kind, to.language, words);
    let built = text.and_then(|text| {
        message::build(&post.from, &to.name, to.email, to.copy, mail.id, now, text)
    });
    match built {
        Ok(message) => Written::Letter(Letter {
            message,
            domain: domain.to_lowercase(),
            secret,
        }),
        Err(error) => Written::Never(error),
    }
}
