//! Signed tokens (requirements P-08, O-02): made here, verified everywhere with
//! the published keys. Those that the suite takes are good for a minute (people,
//! service accounts) or ten (services); access tokens, which other systems take,
//! for five, and with a refresh token comes the next.
//!
//! Every kind of token has a class that its header names, or a prefix and a key
//! of its own: none is ever taken for another (B-14).

pub mod access;
mod create;
pub mod exchange;
mod issue_service;
mod key_set;
mod refresh;
mod rotate_keys;
pub mod service_keys;
pub mod signing;

use contract::identity::{
    CreateTokensRequest, CreateTokensResponse, ExchangeTokenRequest, ExchangeTokenResponse,
    GetKeySetRequest, GetKeySetResponse, IssueServiceTokenRequest, IssueServiceTokenResponse,
    RefreshTokensRequest, RefreshTokensResponse, RotateSigningKeysRequest,
    RotateSigningKeysResponse, token_service_server::TokenService,
};
use rpc::Reply;
use tonic::Request;

use crate::Identity;

#[tonic::async_trait]
impl TokenService for Identity {
    async fn exchange_token(
        &self,
        request: Request<ExchangeTokenRequest>,
    ) -> Reply<ExchangeTokenResponse> {
        let (_, ask) = rpc::open(request)?;
        rpc::reply(exchange::run(self, &ask).await)
    }

    async fn create_tokens(
        &self,
        request: Request<CreateTokensRequest>,
    ) -> Reply<CreateTokensResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn refresh_tokens(
        &self,
        request: Request<RefreshTokensRequest>,
    ) -> Reply<RefreshTokensResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(refresh::run(self, &caller, &ask).await)
    }

    async fn rotate_signing_keys(
        &self,
        request: Request<RotateSigningKeysRequest>,
    ) -> Reply<RotateSigningKeysResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(rotate_keys::run(self, &caller, ask).await)
    }

    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Reply<IssueServiceTokenResponse> {
        let (_, ask) = rpc::open(request)?;
        rpc::reply(issue_service::run(self, &ask).await)
    }

    async fn get_key_set(&self, request: Request<GetKeySetRequest>) -> Reply<GetKeySetResponse> {
        rpc::open(request)?;
        rpc::reply(key_set::run(self).await)
    }
}
