//! The first password of a user, where it is not their own choice (requirements
//! P-03, P-09).

use contract::{
    Id,
    identity::{CreateUserRequest, FirstPassword, Tenant, User},
};
use rpc::Error;
use store::Tx;
use zeroize::Zeroizing;

use super::{
    Terms,
    foreign::Foreign,
    kept::{FOREIGN, Kept},
    mails::{self, LIFETIME},
};
use crate::{Identity, db};

/// A first password, ready to be kept.
pub struct First {
    /// `None` where it is generated while its mail is written.
    new: Option<db::passwords::New>,
    /// Whether it is mailed.
    sent: bool,
    /// The password itself, where it is to be mailed.
    specified: Option<Zeroizing<String>>,
}

impl First {
    /// The first password that a request asks for, where nothing is hashed here
    /// for it: it is generated, or another system hashed it. Refuses a request
    /// that does not say what it asks for.
    pub fn ready(ask: &CreateUserRequest) -> Result<Option<First>, Error> {
        let choice = ask.first_password();
        let specified = match choice {
            FirstPassword::Unspecified
            | FirstPassword::Specified
            | FirstPassword::SpecifiedAndSent => true,
            FirstPassword::GeneratedAndSent | FirstPassword::Hashed => false,
        };
        if specified == ask.password.is_empty() {
            let why = if specified {
                "must be given, unless first_password says that it is generated or hashed"
            } else {
                "must be empty where first_password says that it is generated or hashed"
            };
            return Err(Error::field("password", why));
        }
        if (choice == FirstPassword::Hashed) == ask.password_hash.is_empty() {
            let why = "must be given where first_password is HASHED, and only there";
            return Err(Error::field("password_hash", why));
        }
        match choice {
            FirstPassword::GeneratedAndSent => Ok(Some(First {
                new: None,
                sent: true,
                specified: None,
            })),
            FirstPassword::Hashed => foreign(&ask.password_hash).map(Some),
            _ => Ok(None),
        }
    }

    /// The one that a request specifies, hashed. Without a transaction, which
    /// would be held open meanwhile.
    pub async fn hashed(
        app: &Identity,
        ask: &CreateUserRequest,
        terms: Terms,
    ) -> Result<First, Error> {
        let sent = ask.first_password() == FirstPassword::SpecifiedAndSent;
        let place = app.hashing.place()?;
        let kept = app.hashing.hash(&place, &ask.password, terms).await?;
        Ok(First {
            new: Some(db::passwords::New {
                kept,
                // It lies in a mailbox.
                temporary: sent.then_some(LIFETIME),
            }),
            sent,
            specified: sent.then(|| Zeroizing::new(ask.password.clone())),
        })
    }

    /// Keeps it for a user who was just added, and asks for its mail.
    pub async fn keep(
        self,
        app: &Identity,
        tx: &mut Tx,
        tenant: Id<Tenant>,
        user: Id<User>,
        email: &str,
    ) -> Result<(), Error> {
        let mut specified = None;
        if let Some(new) = &self.new {
            let id = db::passwords::insert(tx, tenant, user, new).await?;
            specified = self
                .specified
                .as_ref()
                .map(|password| (password.as_str(), id));
        }
        if self.sent {
            mails::ask(app, tx, (tenant, user, email), specified, None).await?;
        }
        Ok(())
    }
}

/// A hash as another system made it, if it can be checked here.
fn foreign(hash: &str) -> Result<First, Error> {
    hash.parse::<Foreign>()
        .map_err(|rule| Error::field("password_hash", rule))?;
    Ok(First {
        new: Some(db::passwords::New {
            kept: Kept {
                hash: hash.to_owned(),
                key_version: FOREIGN,
            },
            temporary: None,
        }),
        sent: false,
        specified: None,
    })
}
