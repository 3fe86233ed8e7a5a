//! Whom a person means who is not signed in.

use contract::{
    Id,
    identity::{Tenant, User},
};
use rpc::Error;
use uuid::Uuid;

use crate::{Identity, db, lockouts::Who, users::names};

/// Somebody named by tenant and username.
pub struct Named {
    /// The budget that answers in this name are charged to.
    pub who: Who,
    /// The hash of the password; `None` where nobody can log in by this name.
    pub hash: Option<String>,
}

/// Looks a name up. Unknown names get ids made of the name, so that all that
/// follows is done for them too, and costs the same (B-1).
pub async fn find(app: &Identity, tenant: &str, username: &str) -> Result<Named, Error> {
    let (tenant_name, username_key) = (tenant.trim().to_lowercase(), names::key(username));
    let mut tx = app.store.worker().await?;
    let tenant = db::tenants::active(&mut tx, &tenant_name).await?;
    let at = tenant.unwrap_or_else(|| Id::from_uuid(derived(app, "unknown tenant", &tenant_name)));
    let stranger: Id<User> = Id::from_uuid(derived(
        app,
        "unknown user",
        &format!("{at}/{username_key}"),
    ));
    // Asked for unknown tenants too: it costs the same.
    let login = db::users::by_username(&mut tx, at, &username_key).await?;
    Ok(match login {
        Some(login) => {
            let hash = login.hash.filter(|_| login.status == "ACTIVE");
            Named {
                who: Who::User(at, login.id),
                hash,
            }
        }
        None if tenant.is_some() => Named {
            who: Who::Stranger(at, stranger),
            hash: None,
        },
        None => Named {
            who: Who::Nobody(at, stranger),
            hash: None,
        },
    })
}

/// The tenant and the id, where a user was named.
pub fn known(who: Who) -> Option<(Id<Tenant>, Id<User>)> {
    match who {
        Who::User(tenant, user) => Some((tenant, user)),
        Who::Stranger(..) | Who::Nobody(..) => None,
    }
}

/// A UUID that only this service can compute (version 8 of RFC 9562).
fn derived(app: &Identity, purpose: &str, text: &str) -> Uuid {
    let hash = app.store.keys().keyed_hash(purpose, text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
