//! What an answer is charged to, by the tenant's policy.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use contract::{
    Id,
    identity::{
        Device, DeviceRevoked, Event, LoginFailed, LoginProof, Tenant, User, UserLockedOut,
    },
};
use rpc::{Caller, Error};
use sqlx::PgConnection;
use store::{Keys, Tx};
use uuid::Uuid;

use super::LEASE;
use crate::{
    db::{
        self,
        attempts::Budget,
        policies::{Lockout, Row},
    },
    devices, timestamp,
};

/// The most wrong answers in a row at one account (NIST SP 800-63B-4, section
/// 3.2.2; B-9), those on devices that the user is known by among them.
pub const IN_A_ROW: i32 = 100;

/// Whose answer is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user of a tenant.
    User(Id<Tenant>, Id<User>),
    /// A user on a device that they have logged in from before.
    Device(Id<Tenant>, Id<User>, Id<Device>),
    /// A name that nobody has; the id is made of the name.
    Stranger(Id<Tenant>, Id<User>),
}

/// The budgets of one answer, all of which it is charged to.
#[derive(Clone)]
pub struct Budgets {
    /// Whose answer it is.
    pub who: Who,
    account: Budget,
    /// Of the network address, where the answer is charged to it.
    address: Option<Budget>,
    /// How long the account is locked; `None` until an admin unlocks it.
    lock: Option<Duration>,
}

/// What came of charging.
pub enum Charged {
    /// All budgets are charged.
    All,
    /// The account is locked.
    Locked,
    /// The budget of the address is used up for so long.
    Refused(Duration),
    /// Answers that are being checked fill a budget.
    Crowded,
}

impl Who {
    /// The tenant in which the answer is given.
    pub fn tenant(self) -> Id<Tenant> {
        match self {
            Who::User(tenant, _) | Who::Device(tenant, ..) | Who::Stranger(tenant, _) => tenant,
        }
    }

    /// The key of the budget.
    pub fn account(self) -> Uuid {
        match self {
            Who::User(_, user) | Who::Stranger(_, user) => user.uuid(),
            Who::Device(_, _, device) => device.uuid(),
        }
    }

    /// The device on which the answer is given, where the user is known by it.
    pub fn device(self) -> Option<Id<Device>> {
        match self {
            Who::Device(_, _, device) => Some(device),
            Who::User(..) | Who::Stranger(..) => None,
        }
    }

    /// The user, or the id that stands for a stranger.
    fn user(self) -> Id<User> {
        match self {
            Who::User(_, user) | Who::Device(_, user, _) | Who::Stranger(_, user) => user,
        }
    }
}

impl Budgets {
    /// The budgets that the policy of the tenant gives.
    pub fn of(keys: &Keys, caller: &Caller, who: Who, terms: &Lockout) -> Budgets {
        let window = Row::span(terms.window);
        let account = match who {
            Who::User(..) | Who::Stranger(..) => Budget {
                id: who.account(),
                limit: terms.max_attempts,
                window,
                // Nobody comes to be let in by a name that nobody has.
                most_in_a_row: matches!(who, Who::User(..)).then_some(IN_A_ROW),
            },
            Who::Device(..) => Budget {
                id: who.account(),
                limit: terms.max_attempts.min(devices::WRONG_ANSWERS),
                window: devices::UNUSED,
                most_in_a_row: None,
            },
        };
        // A device that is known is no attempt of an address at anybody.
        let address = caller.address.filter(|_| who.device().is_none());
        Budgets {
            who,
            account,
            address: address.map(|address| Budget {
                id: of_address(keys, address),
                limit: terms.max_attempts_per_address,
                window,
                most_in_a_row: None,
            }),
            lock: (terms.duration > 0).then(|| Row::span(terms.duration)),
        }
    }

    fn all(&self) -> Vec<Budget> {
        [self.account].into_iter().chain(self.address).collect()
    }

    /// Charges all budgets, or says why one is not; then nothing of the
    /// transaction may be kept.
    pub async fn charge(&self, db: &mut PgConnection) -> Result<Charged, Error> {
        let (tenant, all) = (self.who.tenant(), self.all());
        let charged = db::attempts::charge(db, tenant, &all, LEASE).await?;
        if charged.len() == all.len() {
            let barred = match self.who {
                Who::Device(..) => db::attempts::is_barred(db, tenant, self.who.user()).await?,
                // The lock is on the very budget.
                Who::User(..) | Who::Stranger(..) => false,
            };
            return Ok(if barred {
                Charged::Locked
            } else {
                Charged::All
            });
        }
        // The address first: its refusal must not tell who is locked.
        if let Some(address) = self.address
            && let Some(seconds) = db::attempts::used_up(db, tenant, address).await?
        {
            return Ok(Charged::Refused(Duration::from_secs_f64(seconds.max(1.0))));
        }
        let locked = db::attempts::used_up(db, tenant, self.account).await?;
        Ok(if locked.is_some() {
            Charged::Locked
        } else {
            Charged::Crowded
        })
    }

    /// Gives the charges back. Whether an admin has locked the account.
    pub async fn refund(&self, db: &mut PgConnection) -> Result<bool, Error> {
        let (tenant, user) = (self.who.tenant(), self.who.user());
        Ok(db::attempts::refund(db, tenant, &self.all(), user).await?)
    }

    /// Turns the charges into wrong answers, with all that follows. The same is
    /// done for strangers, and costs the same (B-1); what the trail gets of them
    /// is bounded by the budgets of their addresses.
    pub async fn fail(&self, tx: &mut Tx, proof: LoginProof) -> Result<(), Error> {
        let user_id = match self.who {
            Who::User(_, user) | Who::Device(_, user, _) => user.to_string(),
            Who::Stranger(..) => String::new(),
        };
        tx.publish(Event::from(LoginFailed {
            user_id: user_id.clone(),
            proof: proof.into(),
        }));
        let tenant = self.who.tenant();
        match self.who {
            Who::Device(_, user, device) => {
                let wrong = db::attempts::count(tx, tenant, self.account).await?;
                if wrong >= self.account.limit
                    && db::devices::delete(tx, tenant, user, device).await?
                {
                    tx.publish(Event::from(DeviceRevoked {
                        device_id: device.to_string(),
                        user_id,
                    }));
                }
            }
            Who::User(..) | Who::Stranger(..) => {
                let second = proof != LoginProof::Password;
                let locked =
                    db::attempts::fail(tx, tenant, self.account, self.lock, second).await?;
                if let (Who::User(..), Some(locked)) = (self.who, locked) {
                    tx.publish(Event::from(UserLockedOut {
                        user_id,
                        unlock_time: locked.unlock_time.map(timestamp),
                    }));
                }
            }
        }
        if let Some(address) = self.address {
            db::attempts::count(tx, tenant, address).await?;
        }
        Ok(())
    }
}

/// The key of the budget of an address. A client of IPv6 has a whole /64 to
/// itself.
fn of_address(keys: &Keys, address: IpAddr) -> Uuid {
    let network = match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    };
    derived(keys, "address budget", &network.to_string())
}

/// A UUID that only this service can compute (version 8 of RFC 9562).
pub fn derived(keys: &Keys, purpose: &str, text: &str) -> Uuid {
    let hash = keys.keyed_hash(purpose, text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_ipv6_is_its_whole_network() {
        let keys = Keys::new(&[7; 32]);
        let of = |address: &str| of_address(&keys, address.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }
}
