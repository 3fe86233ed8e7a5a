//! Writing a mail: the only moment at which its secret exists.

use chrono::DateTime;
use contract::identity::{
    self, FindUsersRequest, IssuePasswordResetTokenRequest, IssuePasswordResetTokenResponse,
    Tenant, User, UserStatus,
};
use lettre::Message;
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
        Kind::PasswordReset => password_reset(app, post, mail, lease, &tenant).await,
        Kind::FactorsChanged | Kind::LockedOut | Kind::NewDevice => {
            notice(app, post, mail, lease, &tenant).await
        }
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
    Ok(compose(app, post, mail, &to, &words, secret))
}

async fn password_reset(
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
    let Some(issued) = issue(app, &caller, mail).await? else {
        return Ok(Written::Needless);
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
    Ok(compose(app, post, mail, &to, &words, secret))
}

/// Tells a user something that needs no link.
async fn notice(
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
    let User {
        email, language, ..
    } = &user;
    let mut tx = app.store.tenant(mail.tenant_id, &caller).await?;
    queue::address(&mut tx, mail.tenant_id, mail.id, lease, email, language).await?;
    tx.done().await?;
    let to = Addressee {
        name: one_line(&format!("{} {}", user.first_name, user.last_name)),
        email,
        language,
    };
    let words = Words {
        tenant: &one_line(&tenant.display_name),
        name: &to.name,
        inviter_name: "",
        inviter_email: "",
        link: "",
        until: String::new(),
    };
    Ok(compose(app, post, mail, &to, &words, Zeroizing::default()))
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
    let built =
        text.and_then(|text| message::build(&post.from, &to.name, to.email, mail.id, now, text));
    match built {
        Ok(message) => Written::Letter(Letter {
            message,
            domain: domain.to_lowercase(),
            secret,
        }),
        Err(error) => Written::Never(error),
    }
}
