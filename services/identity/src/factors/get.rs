//! Answers a user's factors, and what is asked of them (requirement M-02).

use contract::{
    Id,
    identity::{Factor, FactorKind, Factors, GetFactorsRequest, GetFactorsResponse, Tenant, User},
};
use rpc::{Caller, Error};
use store::Tx;

use super::{Standing, sms};
use crate::{Identity, db, timestamp};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: GetFactorsRequest,
) -> Result<GetFactorsResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    let mut tx = app.store.tenant(tenant, caller).await?;
    Ok(GetFactorsResponse {
        factors: Some(read(&mut tx, tenant, user).await?),
    })
}

/// A user's factors as they are now, or `USER_NOT_FOUND`.
pub async fn read(tx: &mut Tx, tenant: Id<Tenant>, user: Id<User>) -> Result<Factors, Error> {
    let standing = Standing::read(tx, tenant, user).await?;
    let enrolled = db::second_factors::enrolled(tx, tenant, user).await?;
    let totp = enrolled.totp_time.map(|time| Factor {
        kind: FactorKind::Totp.into(),
        number_ending: String::new(),
        enrol_time: Some(timestamp(time)),
        usable: true,
    });
    let phone = enrolled.sms_time.map(|time| Factor {
        kind: FactorKind::Sms.into(),
        number_ending: sms::ending(enrolled.number.as_deref().unwrap_or_default()),
        enrol_time: Some(timestamp(time)),
        usable: standing.is_phone_asked(),
    });
    Ok(Factors {
        user_id: user.to_string(),
        mfa_policy: standing.policy.into(),
        required: standing.required,
        factors: totp.into_iter().chain(phone).collect(),
        recovery_codes_left: standing.recovery_codes,
    })
}
