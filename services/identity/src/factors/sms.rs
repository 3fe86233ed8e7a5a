//! Codes by SMS (requirement M-04), where the tenant allows them. NIST SP
//! 800-63B-4 restricts them (section 3.1.3.3): a code has six digits, is good
//! for ten minutes, once, in the login or session that asked for it, and wrong
//! ones count towards the user's one budget.
//!
//! A message waits in a table, sealed, until the provider took it, and its
//! content is gone from then on. The provider is told the id of the message, so
//! that it can tell a repetition. However a user asks, no phone and no user gets
//! more messages than [`LIMITS`] say: messages cost money, and somebody else's
//! sleep.

mod provider;
mod text;
pub mod work;

use std::{sync::Arc, time::Duration};

use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use contract::{
    Id,
    identity::{ErrorReason, Tenant, User},
};
use rpc::{Because as _, Error};
use serde::{Deserialize, Serialize};
use store::Tx;
use tokio::sync::Notify;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Config, Identity, db, db::login_flows::Flow};
use provider::Provider;

/// How long a code is good, and a message with it worth sending.
const LIFETIME: Duration = Duration::from_mins(10);

/// The most messages to a number, and the most that a user asks for, within a
/// time.
const LIMITS: [(i32, Duration); 2] = [(3, Duration::from_mins(10)), (10, Duration::from_hours(24))];

const CODE: &str = "sms code";
const NUMBER: &str = "sms number";
const CONTENT: &str = "sms message";

/// What sends messages.
pub struct Sms {
    provider: Option<Provider>,
    queued: Arc<Notify>,
}

/// Whom a code is for: it is good in one login or session of one user.
#[derive(Clone, Copy)]
pub struct Holder {
    /// The tenant of the user.
    pub tenant: Id<Tenant>,
    /// The user.
    pub user: Id<User>,
    /// The login flow, or the session.
    pub id: Uuid,
}

/// What a code is for.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// To prove possession of the enrolled phone.
    Prove,
    /// To enrol a phone.
    Enrol,
}

/// What is sent.
#[derive(Deserialize, Serialize)]
struct Message {
    to: String,
    text: String,
}

impl Sms {
    /// A fault where the flags make no provider.
    pub fn new(config: &Config) -> Result<Sms, Error> {
        Ok(Sms {
            provider: Provider::new(config)?,
            queued: Arc::default(),
        })
    }
}

impl Holder {
    /// Whoever holds a login.
    pub fn of(flow: &Flow) -> Holder {
        Holder {
            tenant: flow.tenant_id,
            user: flow.user_id,
            id: flow.id.uuid(),
        }
    }
}

impl Purpose {
    /// How the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Prove => "PROVE",
            Purpose::Enrol => "ENROL",
        }
    }
}

/// Sends a code to a phone, in place of the one that was sent before. When it
/// ends. The transaction holds the lock on the user.
pub async fn send(
    app: &Identity,
    tx: &mut Tx,
    holder: Holder,
    purpose: Purpose,
    number: &str,
) -> Result<DateTime<Utc>, Error> {
    if app.sms.provider.is_none() {
        return Err(not_allowed());
    }
    let (keys, id) = (app.store.keys(), Id::<Message>::new().uuid());
    let number_hash = keys.keyed_hash(NUMBER, number.as_bytes());
    db::sms_messages::lock_number(tx, &number_hash).await?;
    for (most, within) in LIMITS {
        let wait = db::sms_messages::wait(tx, holder, &number_hash, most, within).await?;
        if let Some(seconds) = wait {
            return Err(limit(seconds));
        }
    }
    let code = code()?;
    let (language, name) = db::sms_messages::words(tx, holder).await?;
    let message = Message {
        to: number.to_owned(),
        text: text::write(&language, &name, &code),
    };
    let plain = Zeroizing::new(serde_json::to_vec(&message)?);
    let content = keys.seal(CONTENT, &context(holder.tenant, id), &plain);
    db::sms_messages::insert(tx, holder, id, &number_hash, &content, LIFETIME).await?;
    let hash = hash(app, holder, &code);
    let end = db::sms_codes::set(tx, holder, purpose, number, &hash, LIFETIME).await?;
    let queued = app.sms.queued.clone();
    tx.after_commit(move || queued.notify_one());
    Ok(end)
}

/// Uses a code up; the number that it was sent to, where it is right.
pub async fn accept(
    app: &Identity,
    tx: &mut Tx,
    holder: Holder,
    purpose: Purpose,
    code: &str,
) -> Result<Option<String>, Error> {
    let hash = hash(app, holder, code);
    Ok(db::sms_codes::use_up(tx, holder, purpose, &hash).await?)
}

/// The end of a number, by which its owner knows it and nobody else.
pub fn ending(number: &str) -> String {
    let digits = number.char_indices().rev().nth(1);
    digits.map_or("", |(at, _)| &number[at..]).to_owned()
}

/// Refuses where there are no codes by SMS.
pub fn not_allowed() -> Error {
    ErrorReason::SmsNotAllowed.because("codes by SMS are not allowed here")
}

fn limit(seconds: f64) -> Error {
    ErrorReason::SmsLimit
        .because("this phone, or you, had as many messages as are sent for now; try again later")
        .retry_after(Duration::try_from_secs_f64(seconds).unwrap_or(LIFETIME))
}

fn hash(app: &Identity, holder: Holder, code: &str) -> [u8; 32] {
    let tenant = holder.tenant.uuid();
    let bound = [
        tenant.as_bytes().as_slice(),
        holder.id.as_bytes(),
        code.as_bytes(),
    ];
    app.store
        .keys()
        .keyed_hash(CODE, &Zeroizing::new(bound.concat()))
}

/// What seals a message to its row.
fn context(tenant: Id<Tenant>, id: Uuid) -> Vec<u8> {
    [tenant.uuid().as_bytes().as_slice(), id.as_bytes()].concat()
}

/// Six digits, all equally likely but for one part in 10^13.
fn code() -> Result<String, Error> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| Error::fault("the system gives no randomness"))?;
    Ok(format!("{:06}", u64::from_ne_bytes(bytes) % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_six_digits() {
        for _ in 0..1000 {
            let code = code().expect("a code");
            assert!(
                code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
                "{code}"
            );
        }
    }

    #[test]
    fn two_digits_of_a_number_are_shown() {
        assert_eq!(ending("+4915123456789"), "89");
        assert_eq!(ending(""), "");
    }
}
