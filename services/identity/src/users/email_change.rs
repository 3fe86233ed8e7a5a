//! Another address: who reads at the former one is told, and links for setting
//! a password that went there end. The former address is kept sealed, and in no
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

use crate::{Identity, db};

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
    former: &str,
) -> Result<(), Error> {
    let change = Id::<User>::new().uuid();
    let keys = app.store.keys();
    let sealed = keys.seal(PURPOSE, &context(tenant, change), former.as_bytes());
    db::email_changes::insert(tx, tenant, change, user, &sealed, KEPT).await?;
    db::reset_tokens::end_all(tx, tenant, user).await?;
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
