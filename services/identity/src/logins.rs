//! Letting people in: a login is a flow on the server (decision 8 of the
//! security design).
//!
//! Each proof is a row bound to the flow, and with it to the user. What comes
//! next, and whether it is a session, follows from these rows and the tenant's
//! policy in one function, [`flow::advance`]; there is no other way to a
//! session, and no call can skip a step (B-7).

pub mod flow;
mod login;
pub mod names;

use contract::identity::{
    ChangeExpiredPasswordRequest, ChangeExpiredPasswordResponse, ConfirmSmsRequest,
    ConfirmSmsResponse, ConfirmTotpRequest, ConfirmTotpResponse, EnrolSmsRequest, EnrolSmsResponse,
    EnrolTotpRequest, EnrolTotpResponse, LoginRequest, LoginResponse, RequestPasswordResetRequest,
    RequestPasswordResetResponse, ResetPasswordRequest, ResetPasswordResponse, SendSmsCodeRequest,
    SendSmsCodeResponse, VerifyRecoveryCodeRequest, VerifyRecoveryCodeResponse,
    VerifySmsCodeRequest, VerifySmsCodeResponse, VerifyTotpRequest, VerifyTotpResponse,
    login_service_server::LoginService,
};
use rpc::Reply;
use tonic::Request;

use crate::{Identity, factors, passwords, resets};

#[tonic::async_trait]
impl LoginService for Identity {
    async fn login(&self, request: Request<LoginRequest>) -> Reply<LoginResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(login::run(self, &caller, ask).await)
    }

    async fn verify_totp(&self, request: Request<VerifyTotpRequest>) -> Reply<VerifyTotpResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::verify_totp::run(self, &caller, ask).await)
    }

    async fn send_sms_code(
        &self,
        request: Request<SendSmsCodeRequest>,
    ) -> Reply<SendSmsCodeResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::send_sms_code::run(self, &caller, ask).await)
    }

    async fn verify_sms_code(
        &self,
        request: Request<VerifySmsCodeRequest>,
    ) -> Reply<VerifySmsCodeResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::verify_sms_code::run(self, &caller, ask).await)
    }

    async fn verify_recovery_code(
        &self,
        request: Request<VerifyRecoveryCodeRequest>,
    ) -> Reply<VerifyRecoveryCodeResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::verify_recovery_code::run(self, &caller, ask).await)
    }

    async fn enrol_totp(&self, request: Request<EnrolTotpRequest>) -> Reply<EnrolTotpResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::enrol_totp::run(self, &caller, ask).await)
    }

    async fn confirm_totp(
        &self,
        request: Request<ConfirmTotpRequest>,
    ) -> Reply<ConfirmTotpResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::confirm_totp::run(self, &caller, ask).await)
    }

    async fn enrol_sms(&self, request: Request<EnrolSmsRequest>) -> Reply<EnrolSmsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::enrol_sms::run(self, &caller, ask).await)
    }

    async fn confirm_sms(&self, request: Request<ConfirmSmsRequest>) -> Reply<ConfirmSmsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(factors::confirm_sms::run(self, &caller, ask).await)
    }

    async fn change_expired_password(
        &self,
        request: Request<ChangeExpiredPasswordRequest>,
    ) -> Reply<ChangeExpiredPasswordResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(passwords::change_expired::run(self, &caller, ask).await)
    }

    async fn request_password_reset(
        &self,
        request: Request<RequestPasswordResetRequest>,
    ) -> Reply<RequestPasswordResetResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(resets::request::run(self, &caller, ask))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Reply<ResetPasswordResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(resets::reset::run(self, &caller, ask).await)
    }
}
