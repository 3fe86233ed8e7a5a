//! How many mails go to an address (B-50): so many an hour on each occasion. The
//! address counts, not the user: a user who is deleted and created again, or given
//! another address, brings nobody more.

use std::time::Duration;

use contract::{
    Id,
    identity::{ErrorReason, Tenant, User},
};
use rpc::{Because as _, Error};
use store::Tx;

use super::names;
use crate::{Identity, db};

/// The most mails to an address in an hour, on each occasion.
const MOST_AN_HOUR: i64 = 3;

const PURPOSE: &str = "address of a mail";

/// Why a mail goes to an address. Whoever asks for links in another's name
/// leaves room for those that an admin sends.
#[derive(Clone, Copy)]
pub enum Occasion {
    /// Somebody said that they forgot their password.
    AskedFor,
    /// An admin sends a link or a password.
    ByAdmin,
    /// An admin sends a copy of a password.
    Copy,
    /// The address is that of a user from now on, or not any more.
    Change,
}

impl Occasion {
    /// How the table calls it.
    fn name(self) -> &'static str {
        match self {
            Occasion::AskedFor => "ASKED_FOR",
            Occasion::ByAdmin => "BY_ADMIN",
            Occasion::Copy => "COPY",
            Occasion::Change => "CHANGE",
        }
    }
}

/// Counts one more mail to an address. False where there were enough.
pub async fn count(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    email: &str,
    occasion: Occasion,
) -> Result<bool, Error> {
    let address = [tenant.uuid().as_bytes(), names::key(email).as_bytes()].concat();
    let hash = app.store.keys().keyed_hash(PURPOSE, &address);
    let (id, occasion) = (Id::<User>::new().uuid(), occasion.name());
    Ok(db::address_mails::count(tx, tenant, id, &hash, occasion, MOST_AN_HOUR).await?)
}

/// The same, or refuses with `TOO_MANY_MAILS`.
pub async fn allow(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    email: &str,
    occasion: Occasion,
) -> Result<(), Error> {
    if count(app, tx, tenant, email, occasion).await? {
        return Ok(());
    }
    Err(ErrorReason::TooManyMails
        .because("enough mails were sent to this address for now; try again later")
        .retry_after(Duration::from_hours(1)))
}
