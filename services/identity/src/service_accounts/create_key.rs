//! Makes a key for a service account.

use contract::{
    Id,
    identity::{
        ApiKeyCreated, CreateApiKeyRequest, CreateApiKeyResponse, ErrorReason, Event,
        ServiceAccount, Tenant,
    },
};
use rpc::{Because as _, Caller, Error};
use store::{Keys, Tx};

use crate::{Identity, db, db::api_keys::New, users::names};

/// What a key begins with, so that leaked ones can be found.
pub const PREFIX: &str = "usk_";
/// What keys are hashed for.
pub const PURPOSE: &str = "API key";

/// The keys that a service account may have at a time.
const MOST: i64 = 10;
/// The longest lifetime, in seconds.
const LONGEST: i64 = 3650 * 24 * 3600;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateApiKeyRequest,
) -> Result<CreateApiKeyResponse, Error> {
    let (tenant, account): (_, Id<ServiceAccount>) =
        (caller.tenant()?, ask.service_account_id.parse()?);
    let lifetime = seconds("lifetime", ask.lifetime.as_ref(), LONGEST)?;
    let display_name = names::clean(&ask.display_name);
    if display_name.is_empty() {
        return Err(Error::field("display_name", "must not be blank"));
    }
    app.store.begin(caller, &ask).await?.replay::<()>()?;
    super::may_change(app, caller, account).await?;
    let mut tx = app.store.begin(caller, &ask).await?;
    let made = make(app, &mut tx, tenant, account, (&display_name, lifetime)).await?;
    tx.publish(Event::from(ApiKeyCreated {
        api_key_id: made.row.id.to_string(),
        service_account_id: account.to_string(),
        replaced_api_key_id: String::new(),
    }));
    tx.commit_secret(CreateApiKeyResponse {
        key: made.key,
        api_key: Some(made.row.into()),
    })
    .await
}

/// A key just made.
pub struct Made {
    /// The key itself, which is kept nowhere.
    pub key: String,
    /// What is kept of it.
    pub row: db::api_keys::Row,
}

/// Makes a key by its name and lifetime, where the service account has room for
/// one more.
pub async fn make(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    account: Id<ServiceAccount>,
    (display_name, lifetime): (&str, i64),
) -> Result<Made, Error> {
    db::service_accounts::lock(tx, tenant, account)
        .await?
        .ok_or_else(super::not_found)?;
    if db::api_keys::count(tx, tenant, account).await? >= MOST {
        return Err(ErrorReason::TooManyApiKeys
            .because("a service account has ten keys at most; revoke one first"));
    }
    // Easy to read out: letters and digits alone.
    let shown: String = Keys::token()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    let prefix = format!("{PREFIX}{shown}");
    let key = format!("{prefix}_{}", Keys::token());
    let new = New {
        id: Id::new(),
        service_account_id: account,
        display_name,
        prefix: &prefix,
        key_hash: &app.store.keys().keyed_hash(PURPOSE, key.as_bytes()),
        lifetime,
    };
    let row = db::api_keys::insert(tx, tenant, new).await?;
    Ok(Made { key, row })
}

/// The seconds of a duration that a caller gave; 0 where they gave none.
pub fn seconds(
    field: &str,
    given: Option<&prost_types::Duration>,
    longest: i64,
) -> Result<i64, Error> {
    let Some(given) = given else {
        return Ok(0);
    };
    if given.nanos != 0 || !(0..=longest).contains(&given.seconds) {
        let days = longest / (24 * 3600);
        return Err(Error::field(
            field,
            format!("must be whole seconds, from 0 to {days} days"),
        ));
    }
    Ok(given.seconds)
}
