//! Second factors (requirements M-01 to M-06): authenticators, phones, and
//! recovery codes for when neither is at hand.
//!
//! A factor is enrolled in a login that wants one (see `logins.rs`), or by
//! somebody who is signed in. The latter have proven again, lately and in the
//! same session, who they are ([`own`]; B-11), and what rested on the old
//! factors ends with every change ([`changed`]). What a code proves is said in
//! one place ([`prove`]).

pub mod confirm_sms;
pub mod confirm_totp;
mod create_recovery_codes;
mod enrol;
pub mod enrol_sms;
pub mod enrol_totp;
mod finish_sms_enrolment;
mod finish_totp_enrolment;
mod get;
pub mod own;
pub mod prove;
mod reauthenticate;
mod recovery;
mod remove;
pub mod reset;
mod send_reauthentication_code;
pub mod send_sms_code;
pub mod sms;
mod start_sms_enrolment;
mod start_totp_enrolment;
mod totp;
pub mod verify_recovery_code;
pub mod verify_sms_code;
pub mod verify_totp;

use contract::{
    Id,
    identity::{
        CreateRecoveryCodesRequest, CreateRecoveryCodesResponse, ErrorReason,
        FinishSmsEnrolmentRequest, FinishSmsEnrolmentResponse, FinishTotpEnrolmentRequest,
        FinishTotpEnrolmentResponse, GetFactorsRequest, GetFactorsResponse, MfaPolicy,
        ReauthenticateRequest, ReauthenticateResponse, RemoveFactorRequest, RemoveFactorResponse,
        ResetFactorsRequest, ResetFactorsResponse, SendReauthenticationCodeRequest,
        SendReauthenticationCodeResponse, StartSmsEnrolmentRequest, StartSmsEnrolmentResponse,
        StartTotpEnrolmentRequest, StartTotpEnrolmentResponse, Tenant, User,
        factor_service_server::FactorService,
    },
};
use rpc::{Because as _, Error, Reply};
use store::Tx;
use tonic::Request;

use crate::{
    Identity, db,
    sessions::{self, Spare},
    users,
};

#[tonic::async_trait]
impl FactorService for Identity {
    async fn get_factors(&self, request: Request<GetFactorsRequest>) -> Reply<GetFactorsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn reauthenticate(
        &self,
        request: Request<ReauthenticateRequest>,
    ) -> Reply<ReauthenticateResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(reauthenticate::run(self, &caller, ask).await)
    }

    async fn send_reauthentication_code(
        &self,
        request: Request<SendReauthenticationCodeRequest>,
    ) -> Reply<SendReauthenticationCodeResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(send_reauthentication_code::run(self, &caller, ask).await)
    }

    async fn start_totp_enrolment(
        &self,
        request: Request<StartTotpEnrolmentRequest>,
    ) -> Reply<StartTotpEnrolmentResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(start_totp_enrolment::run(self, &caller, ask).await)
    }

    async fn finish_totp_enrolment(
        &self,
        request: Request<FinishTotpEnrolmentRequest>,
    ) -> Reply<FinishTotpEnrolmentResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(finish_totp_enrolment::run(self, &caller, ask).await)
    }

    async fn start_sms_enrolment(
        &self,
        request: Request<StartSmsEnrolmentRequest>,
    ) -> Reply<StartSmsEnrolmentResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(start_sms_enrolment::run(self, &caller, ask).await)
    }

    async fn finish_sms_enrolment(
        &self,
        request: Request<FinishSmsEnrolmentRequest>,
    ) -> Reply<FinishSmsEnrolmentResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(finish_sms_enrolment::run(self, &caller, ask).await)
    }

    async fn remove_factor(
        &self,
        request: Request<RemoveFactorRequest>,
    ) -> Reply<RemoveFactorResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(remove::run(self, &caller, ask).await)
    }

    async fn create_recovery_codes(
        &self,
        request: Request<CreateRecoveryCodesRequest>,
    ) -> Reply<CreateRecoveryCodesResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create_recovery_codes::run(self, &caller, ask).await)
    }

    async fn reset_factors(
        &self,
        request: Request<ResetFactorsRequest>,
    ) -> Reply<ResetFactorsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(reset::run(self, &caller, ask).await)
    }
}

/// What a user has of second factors, and what the tenant asks of them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is true or not by itself"
)]
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The tenant's policy.
    pub policy: MfaPolicy,
    /// Whether the user must have a second factor.
    pub required: bool,
    /// Whether the tenant allows codes by SMS.
    pub sms_allowed: bool,
    /// Whether the user has an authenticator.
    pub totp: bool,
    /// Whether the user has a phone for codes.
    pub sms: bool,
    /// How many recovery codes the user has left.
    pub recovery_codes: u32,
}

impl Standing {
    /// Whether the user has a factor that they could prove.
    pub fn is_usable(&self) -> bool {
        self.totp || self.sms
    }

    /// Whether codes are sent to the user's phone. Where the tenant allows none
    /// any more, and the user has nothing else, still: a password alone is worse.
    pub fn is_phone_asked(&self) -> bool {
        self.sms && (self.sms_allowed || !self.totp)
    }

    /// Whether it takes a second factor to log in.
    pub fn is_asked(&self) -> bool {
        self.required || self.policy == MfaPolicy::Optional && self.is_usable()
    }

    /// Of a user, or `USER_NOT_FOUND`.
    pub async fn read(tx: &mut Tx, tenant: Id<Tenant>, user: Id<User>) -> Result<Standing, Error> {
        let row = db::second_factors::get(tx, tenant, user).await?;
        let row = row.ok_or_else(users::not_found)?;
        Ok(Standing {
            policy: db::tenants::policy(&row.mfa_policy),
            required: row.required,
            sms_allowed: row.sms_allowed,
            totp: row.totp_enrolled,
            sms: row.sms_enrolled,
            recovery_codes: row.recovery_codes_left.unsigned_abs(),
        })
    }
}

/// Ends what rested on a user's former factors: other sessions, logins under
/// way, codes that were sent. Whoever changes a factor calls it (OWASP ASVS
/// 7.4.3).
pub async fn changed(
    app: &Identity,
    tx: &mut Tx,
    tenant: Id<Tenant>,
    user: Id<User>,
    spare: Spare,
) -> Result<(), Error> {
    db::sms_codes::erase(tx, tenant, user).await?;
    sessions::end_others(app, tx, tenant, user, spare).await
}

/// What seals an authenticator's secret to its user: tenant, user and column.
fn context(tenant: Id<Tenant>, user: Id<User>, column: &str) -> Vec<u8> {
    [
        tenant.uuid().as_bytes().as_slice(),
        user.uuid().as_bytes(),
        column.as_bytes(),
    ]
    .concat()
}

const PURPOSE: &str = "totp secret";
const ENROLLED: &str = "totp_factors.secret";
const ENROLLING: &str = "login_flows.totp_secret";
const IN_SESSION: &str = "totp_enrolments.secret";

fn wrong() -> Error {
    ErrorReason::CodeWrong
        .because("the code is wrong or was used before, or the account cannot log in now")
}

fn not_enrolled() -> Error {
    ErrorReason::FactorNotEnrolled.because("this factor is not enrolled")
}

fn ended() -> Error {
    ErrorReason::EnrolmentEnded.because("nothing is being enrolled in this session; start again")
}
