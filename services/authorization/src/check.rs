//! What a user may do: asked on every call of every service, answered from
//! memory.

use contract::authorization::access_service_server::AccessService;
use contract::authorization::{BatchCheckRequest, BatchCheckResponse, CheckRequest, CheckResponse};
use rpc::Reply;
use tonic::Request;

use crate::Authorization;

mod batch;
mod cache;
mod cell;
mod load;
mod single;
mod state;

pub use cache::Cache;
pub use load::load;
pub use state::{Grant, Membership, Reach, Structure, Subject, View};

#[tonic::async_trait]
impl AccessService for Authorization {
    async fn check(&self, request: Request<CheckRequest>) -> Reply<CheckResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(single::run(self, &caller, ask).await)
    }

    async fn batch_check(&self, request: Request<BatchCheckRequest>) -> Reply<BatchCheckResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(batch::run(self, &caller, ask).await)
    }
}
