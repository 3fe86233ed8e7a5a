//! Temporary passwords that are to be mailed.
//!
//! What waits is who asked for whom; the password is made while the mail is
//! written, by `ProvisioningService.IssueTemporaryPassword`. Where an admin
//! specified it, it waits sealed beside the request, and so does the address of
//! who gets a copy: neither is in an event. Both are gone once the mail was sent
//! or given up, and at the latest with the password itself, after [`LIFETIME`].

use std::time::Duration;

use contract::{
    Id,
    identity::{Event, FieldChange, TemporaryPasswordRequested, Tenant, User},
};
use rpc::Error;
use store::{Keys, Tx};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Identity,
    audit::changes,
    db,
    users::mail_counts::{self, Occasion},
};

/// How long a temporary password holds (OWASP ASVS 5, 6.4.1), and with it the
/// mail that is to bring it.
pub const LIFETIME: Duration = Duration::from_hours(7 * 24);

const PASSWORD: &str = "password in a mail";
const COPY: &str = "copy of a password mail";

/// Asks for a mail with a temporary password to a user and their address: with
/// the one that was specified, or with one that is generated then. Refuses with
/// `TOO_MANY_MAILS`. The transaction holds the lock on the user, or has just made
/// them.
pub async fn ask(
    app: &Identity,
    tx: &mut Tx,
    (tenant, user, email): (Id<Tenant>, Id<User>, &str),
    specified: Option<(&str, Uuid)>,
    copy_email: Option<&str>,
) -> Result<(), Error> {
    let (keys, id) = (app.store.keys(), Id::<User>::new().uuid());
    mail_counts::allow(app, tx, tenant, email, Occasion::ByAdmin).await?;
    if let Some(copy) = copy_email {
        mail_counts::allow(app, tx, tenant, copy, Occasion::Copy).await?;
    }
    let seal = |purpose, text: &str| keys.seal(purpose, &context(tenant, id), text.as_bytes());
    let new = db::password_mails::New {
        id,
        user,
        password: specified.map(|(password, which)| (seal(PASSWORD, password), which)),
        copy_email: copy_email.map(|email| seal(COPY, email)),
    };
    db::password_mails::insert(tx, tenant, new, LIFETIME).await?;
    let event = tx.publish(Event::from(TemporaryPasswordRequested {
        user_id: user.to_string(),
        mail_id: id.to_string(),
        copied: copy_email.is_some(),
    }));
    if let Some(copy) = copy_email {
        let copied = FieldChange {
            field: "copy_email".into(),
            before: String::new(),
            after: copy.into(),
        };
        changes::keep(tx, event, user, vec![copied]).await?;
    }
    Ok(())
}

/// The password that was specified for a mail.
pub fn open_password(
    keys: &Keys,
    tenant: Id<Tenant>,
    mail: Uuid,
    sealed: &[u8],
) -> Result<Zeroizing<String>, Error> {
    let opened = keys.open(PASSWORD, &context(tenant, mail), sealed)?;
    Ok(Zeroizing::new(std::str::from_utf8(&opened)?.to_owned()))
}

/// The address of who gets a copy of a mail.
pub fn open_copy(
    keys: &Keys,
    tenant: Id<Tenant>,
    mail: Uuid,
    sealed: &[u8],
) -> Result<String, Error> {
    let opened = keys.open(COPY, &context(tenant, mail), sealed)?;
    Ok(std::str::from_utf8(&opened)?.to_owned())
}

/// Binds what is sealed to its row.
fn context(tenant: Id<Tenant>, mail: Uuid) -> Vec<u8> {
    [tenant.uuid().as_bytes().as_slice(), mail.as_bytes()].concat()
}
