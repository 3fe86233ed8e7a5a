//! Puts a password in the place of another: the one way to do it, whoever asks.

use contract::{
    Id,
    identity::{Event, PasswordChanged, Tenant, User},
};
use rpc::Error;
use store::Tx;

use super::{Place, Terms, kept::Kept};
use crate::{
    Identity, db,
    sessions::{self, Spare},
};

/// How many passwords may be refused in one login, or for one link: each may be
/// compared with all former ones.
pub const MOST_REFUSED: i32 = 10;

/// Hashes a password that its user chose, or refuses with `PASSWORD_REFUSED`
/// one that the terms do not allow, that is in force, or is among the former ones
/// of the policy. What costs least comes first.
pub async fn another(
    app: &Identity,
    place: &Place,
    (tenant, user): (Id<Tenant>, Id<User>),
    password: &str,
    terms: Terms,
) -> Result<Kept, Error> {
    let mut tx = app.store.worker().await?;
    let taken = db::passwords::taken(&mut tx, tenant, user, terms.former()).await?;
    drop(tx);
    let (foreign, own): (Vec<_>, Vec<_>) = taken.into_iter().partition(Kept::is_foreign);
    let refusal = terms.taken();
    // A hash for each of them, beside the one that the place was taken for.
    let compared = app.hashing.place_for(own.len())?;
    let kept = app.hashing.another(place, password, terms, own).await?;
    drop(compared);
    for other in &foreign {
        if app.hashing.verify(place, password, Some(other)).await? {
            return Err(refusal);
        }
    }
    Ok(kept)
}

/// Sets the password that a user chose. Mails with links and passwords that are
/// under way are worth nothing any more, and what rested on the password before
/// ends. The transaction holds the lock on the user.
pub async fn renew(
    app: &Identity,
    tx: &mut Tx,
    (tenant, user): (Id<Tenant>, Id<User>),
    kept: Kept,
    former: i64,
    spare: Spare,
) -> Result<(), Error> {
    let new = db::passwords::New {
        kept,
        temporary: None,
    };
    db::passwords::replace(tx, tenant, user, &new, former).await?;
    db::reset_tokens::end_all(tx, tenant, user).await?;
    db::password_mails::end_all(tx, tenant, user).await?;
    sessions::end_others(app, tx, tenant, user, spare).await?;
    tx.publish(Event::from(PasswordChanged {
        user_id: user.to_string(),
    }));
    Ok(())
}
