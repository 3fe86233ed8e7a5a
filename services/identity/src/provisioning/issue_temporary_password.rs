//! Mints a temporary password while its mail is rendered: no secret waits in a
//! queue, and a mail that is sent again has another. One that an admin specified
//! is answered as it is.

use contract::{
    Id,
    identity::{
        ErrorReason, Event, IssueTemporaryPasswordRequest, IssueTemporaryPasswordResponse,
        TemporaryPasswordIssued, Tenant, User,
    },
};
use rpc::{Because as _, Caller, Error};
use store::Tx;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Identity, db,
    db::{password_mails::Row, passwords::New},
    passwords::{
        generated,
        mails::{LIFETIME, open_copy, open_password},
    },
    policies, sessions, timestamp, users,
};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: IssueTemporaryPasswordRequest,
) -> Result<IssueTemporaryPasswordResponse, Error> {
    let (tenant, mail): (_, Uuid) = (caller.tenant()?, ask.mail_id.parse()?);
    let mut tx = app.store.tenant(tenant, caller).await?;
    let row = db::password_mails::pending(&mut tx, tenant, mail)
        .await?
        .ok_or_else(ended)?;
    let policy = policies::read(&mut tx, tenant).await?;
    drop(tx);
    let keys = app.store.keys();
    let (password, email, expire_time) = if let Some(sealed) = &row.password {
        let mut tx = app.store.tenant(tenant, caller).await?;
        let (_, email) = lock(&mut tx, tenant, mail).await?;
        let password = open_password(keys, tenant, mail, sealed)?;
        (password, email, row.expire_time)
    } else {
        let length = policy.password_generated_length;
        let (password, email) = generate(app, caller, tenant, mail, length).await?;
        (password, email, app.store.clock().now() + LIFETIME)
    };
    let copy = row.copy_email.as_deref();
    let copy_email = copy.map(|sealed| open_copy(keys, tenant, mail, sealed));
    Ok(IssueTemporaryPasswordResponse {
        password: password.to_string(),
        expire_time: Some(timestamp(expire_time)),
        copy_email: copy_email.transpose()?.unwrap_or_default(),
        email,
    })
}

/// Locks the user of a mail that is still needed: who they are, and their address.
/// What goes to an address ends when the address is another's.
async fn lock(tx: &mut Tx, tenant: Id<Tenant>, mail: Uuid) -> Result<(Id<User>, String), Error> {
    let Row { user_id, .. } = db::password_mails::pending(tx, tenant, mail)
        .await?
        .ok_or_else(ended)?;
    db::users::lock(tx, tenant, user_id, "ACTIVE")
        .await?
        .ok_or_else(ended)?;
    // Again under the lock: the user may have set one of their own meanwhile.
    db::password_mails::pending(tx, tenant, mail)
        .await?
        .ok_or_else(ended)?;
    Ok((user_id, users::read(tx, tenant, user_id).await?.email))
}

/// Generates a password and puts it in the place of the one before.
async fn generate(
    app: &Identity,
    caller: &Caller,
    tenant: Id<Tenant>,
    mail: Uuid,
    length: i32,
) -> Result<(Zeroizing<String>, String), Error> {
    let password = generated::password(usize::try_from(length)?)?;
    let place = app.hashing.place()?;
    place.of(&tenant)?;
    let kept = app.hashing.hash_as_is(&place, &password).await?;
    drop(place);
    let mut tx = app.store.tenant(tenant, caller).await?;
    let (user_id, email) = lock(&mut tx, tenant, mail).await?;
    let policy = policies::read(&mut tx, tenant).await?;
    let new = New {
        kept,
        temporary: Some(LIFETIME),
    };
    let former = policy.password_history_length.into();
    db::passwords::replace(&mut tx, tenant, user_id, &new, former).await?;
    db::reset_tokens::end_all(&mut tx, tenant, user_id).await?;
    sessions::end_all(app, &mut tx, tenant, user_id).await?;
    tx.publish(Event::from(TemporaryPasswordIssued {
        user_id: user_id.to_string(),
    }));
    tx.done().await?;
    Ok((password, email))
}

fn ended() -> Error {
    ErrorReason::PasswordMailEnded
        .because("the mail was sent, or is not needed any more, or took too long")
}
