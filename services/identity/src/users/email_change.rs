//! Another address: who reads at the former one is told, and what went there
//! ends: links for setting a password, and temporary passwords. The former address is kept sealed, and in no
//! event, until it was asked for with time to spare.

use std::time::Duration;

use contract::{
    Id,
    identity::{
        Event, GetFormerEmailRequest, GetFormerEmailResponse, Tenant, User, UserEmailChanged,
    },
};
use rpc::{Caller, Error};
use store::Tx;
use uuid::Uuid;

use super::{
    mail_counts::{self, Occasion},
    names,
};
use crate::{Identity, db, sessions};

/// What former addresses are sealed for.
const PURPOSE: &str = "former email";
/// How long they are kept.
const KEPT: Duration = Duration::from_hours(72);

/// Notes the change in its own transaction.
pub async fn note(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    [former, new]: [&str; 2],
) -> Result<(), Error> {
    // In one order, whoever swaps the addresses of two users.
    let mut addresses = [former, new];
    addresses.sort_by_key(|email| names::key(email));
    for email in addresses {
        mail_counts::allow(app, tx, tenant, email, Occasion::Change).await?;
    }
    let change = Id::<User>::new().uuid();
    let keys = app.store.keys();
    let sealed = keys.seal(PURPOSE, &context(tenant, change), former.as_bytes());
    db::email_changes::insert(tx, tenant, change, user, &sealed, KEPT).await?;
    db::reset_tokens::end_all(tx, tenant, user).await?;
    if db::passwords::end_temporary(tx, tenant, user).await? {
        db::password_mails::end_specified(tx, tenant, user).await?;
        sessions::end_all(app, tx, tenant, user).await?;
    }
    tx.publish(Event::from(UserEmailChanged {
        user_id: user.to_string(),
        change_id: change.to_string(),
    }));
    Ok(())
}

/// Answers a former address, for the mail that tells of the change.
pub async fn former(
    app: &Identity,
    caller: &Caller,
    ask: GetFormerEmailRequest,
) -> Result<GetFormerEmailResponse, Error> {
    let (tenant, change): (_, Uuid) = (caller.tenant()?, ask.change_id.parse()?);
    let mut tx = app.store.read(caller).await?;
    let sealed = db::email_changes::get(&mut tx, tenant, change)
        .await?
        .ok_or_else(super::not_found)?;
    let keys = app.store.keys();
    let email = keys.open(PURPOSE, &context(tenant, change), &sealed)?;
    Ok(GetFormerEmailResponse {
        email: std::str::from_utf8(&email)?.to_owned(),
    })
}

/// Binds a sealed address to its row.
fn context(tenant: Id<Tenant>, change: Uuid) -> [u8; 32] {
    let mut context = [0; 32];
    context[..16].copy_from_slice(tenant.uuid().as_bytes());
    context[16..].copy_from_slice(change.as_bytes());
    context
}
