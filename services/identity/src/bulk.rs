//! One thing done to many users (requirement U-13).
//!
//! An operation is a list of users that is frozen when it is asked for. A worker
//! of any replica goes through it in the name of who asked ([`worker`]): for each
//! user it asks again whether they may, and does what the single call does. The
//! change, its result and the checkpoint are one transaction that names the
//! checkpoint before it, so each user has their turn exactly once, whatever is
//! killed.

mod action;
mod cancel;
mod create;
mod get;
mod list;
mod list_results;
mod watch;
pub mod worker;

use std::pin::Pin;

use contract::identity::{BulkAction, BulkOperationEnded};
use contract::identity::{
    BulkOperation, BulkOperationState, BulkOutcome, BulkProgress, BulkResult,
    CancelBulkOperationRequest, CancelBulkOperationResponse, CreateBulkOperationRequest,
    CreateBulkOperationResponse, ErrorReason, Event, GetBulkOperationRequest,
    GetBulkOperationResponse, ListBulkOperationsRequest, ListBulkOperationsResponse,
    ListBulkResultsRequest, ListBulkResultsResponse, WatchBulkOperationRequest,
    WatchBulkOperationResponse, bulk_service_server::BulkService,
};
use rpc::{Because as _, Error, Reply};
use tokio_stream::Stream;
use tonic::{Request, Status};

use crate::{Identity, db, timestamp};

/// What a method streams.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BulkService for Identity {
    type WatchBulkOperationStream = Answers<WatchBulkOperationResponse>;

    async fn create_bulk_operation(
        &self,
        request: Request<CreateBulkOperationRequest>,
    ) -> Reply<CreateBulkOperationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn get_bulk_operation(
        &self,
        request: Request<GetBulkOperationRequest>,
    ) -> Reply<GetBulkOperationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn list_bulk_operations(
        &self,
        request: Request<ListBulkOperationsRequest>,
    ) -> Reply<ListBulkOperationsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn list_bulk_results(
        &self,
        request: Request<ListBulkResultsRequest>,
    ) -> Reply<ListBulkResultsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list_results::run(self, &caller, ask).await)
    }

    async fn watch_bulk_operation(
        &self,
        request: Request<WatchBulkOperationRequest>,
    ) -> Reply<Self::WatchBulkOperationStream> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(watch::run(self, caller, ask).await)
    }

    async fn cancel_bulk_operation(
        &self,
        request: Request<CancelBulkOperationRequest>,
    ) -> Reply<CancelBulkOperationResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(cancel::run(self, &caller, ask).await)
    }
}

fn not_found() -> Error {
    ErrorReason::BulkOperationNotFound.because("there is no such bulk operation")
}

/// Says that an operation is over, as it is stored now.
fn ended(operation: &BulkOperation) -> Event {
    Event::from(BulkOperationEnded {
        bulk_operation_id: operation.id.clone(),
        state: operation.state,
        progress: operation.progress,
    })
}

/// Counts are not negative; Postgres has no unsigned integers.
fn count(column: i32) -> u32 {
    u32::try_from(column).unwrap_or_default()
}

impl From<db::bulk_operations::Row> for BulkOperation {
    fn from(row: db::bulk_operations::Row) -> BulkOperation {
        let action = BulkAction::from_str_name(&format!("BULK_ACTION_{}", row.action));
        let state =
            BulkOperationState::from_str_name(&format!("BULK_OPERATION_STATE_{}", row.state));
        BulkOperation {
            id: row.id.to_string(),
            action: action.unwrap_or_default().into(),
            state: state.unwrap_or_default().into(),
            progress: Some(BulkProgress {
                total: count(row.total),
                done: count(row.checkpoint - row.skipped - row.refused),
                skipped: count(row.skipped),
                refused: count(row.refused),
            }),
            creator_user_id: row.creator_user_id.to_string(),
            create_time: Some(timestamp(row.create_time)),
            end_time: row.end_time.map(timestamp),
        }
    }
}

impl From<db::bulk_results::Row> for BulkResult {
    fn from(row: db::bulk_results::Row) -> BulkResult {
        let outcome = row
            .outcome
            .and_then(|outcome| BulkOutcome::from_str_name(&format!("BULK_OUTCOME_{outcome}")));
        BulkResult {
            user_id: row.user_id.to_string(),
            outcome: outcome.unwrap_or_default().into(),
            reason: row.reason,
            reason_domain: row.reason_domain,
            end_time: row.end_time.map(timestamp),
        }
    }
}
