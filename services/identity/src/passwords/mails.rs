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
    identity::{ErrorReason, Event, TemporaryPasswordRequested, Tenant, User},
};
use rpc::{Because as _, Error};
use store::{Keys, Tx};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Identity, db, users::names};

/// How long a temporary password holds (OWASP ASVS 5, 6.4.1), and with it the
/// mail that is to bring it.
pub const LIFETIME: Duration = Duration::from_hours(7 * 24);
/// The most mails with links and passwords to one user, and the most copies to
/// one address, in an hour (B-50).
pub const MOST_AN_HOUR: i64 = 3;

const PASSWORD: &str = "password in a mail";
const COPY: &str = "copy of a password mail";

/// Asks for a mail with a temporary password: with the one that was specified,
/// or with one that is generated then. Refuses with `TOO_MANY_MAILS`. The
/// transaction holds the lock on the user, or has just made them.
pub async fn ask(
    app: &Identity,
    tx: &mut Tx,
    (tenant, user): (Id<Tenant>, Id<User>),
    specified: Option<(&str, Uuid)>,
    copy_email: Option<&str>,
) -> Result<(), Error> {
    let (keys, id) = (app.store.keys(), Id::<User>::new().uuid());
    if !db::reset_tokens::count_request(tx, tenant, id, user, MOST_AN_HOUR).await? {
        return Err(too_many());
    }
    let mut copy = None;
    if let Some(email) = copy_email {
        let hash = keys.keyed_hash(COPY, names::key(email).as_bytes());
        if db::password_mails::copies(tx, tenant, &hash).await? >= MOST_AN_HOUR {
            return Err(too_many());
        }
        copy = Some((
            keys.seal(COPY, &context(tenant, id), email.as_bytes()),
            hash,
        ));
    }
    let seal = |(password, which): (&str, Uuid)| {
        (
            keys.seal(PASSWORD, &context(tenant, id), password.as_bytes()),
            which,
        )
    };
    let new = db::password_mails::New {
        id,
        user,
        password: specified.map(seal),
        copy,
    };
    db::password_mails::insert(tx, tenant, new, LIFETIME).await?;
    tx.publish(Event::from(TemporaryPasswordRequested {
        user_id: user.to_string(),
        mail_id: id.to_string(),
    }));
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

/// Refuses one more mail.
pub fn too_many() -> Error {
    ErrorReason::TooManyMails
        .because("enough mails with passwords were sent for now; try again later")
        .retry_after(Duration::from_hours(1))
}

/// Binds what is sealed to its row.
fn context(tenant: Id<Tenant>, mail: Uuid) -> Vec<u8> {
    [tenant.uuid().as_bytes().as_slice(), mail.as_bytes()].concat()
}
