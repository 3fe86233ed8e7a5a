//! Signed tokens (requirements P-08, O-02): made here, verified everywhere with
//! the published keys, good for a minute (people) or ten (services).

pub mod exchange;
mod issue_service;
mod key_set;
pub mod service_keys;
pub mod signing;

use contract::identity::{
    ExchangeTokenRequest, ExchangeTokenResponse, GetKeySetRequest, GetKeySetResponse,
    IssueServiceTokenRequest, IssueServiceTokenResponse, token_service_server::TokenService,
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
