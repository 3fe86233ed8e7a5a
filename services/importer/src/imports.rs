//! Imports: the table of contents.

mod cancel;
mod commit;
mod get;
mod list;
mod result;
mod spool;
mod upload;
mod view;
mod watch;

use std::pin::Pin;

use contract::importer::{
    CancelImportRequest, CancelImportResponse, CommitImportRequest, CommitImportResponse,
    DownloadImportResultRequest, DownloadImportResultResponse, ErrorReason, GetImportRequest,
    GetImportResponse, ListImportRowsRequest, ListImportRowsResponse, ListImportsRequest,
    ListImportsResponse, MapImportRoleRequest, MapImportRoleResponse, UpdateImportRowRequest,
    UpdateImportRowResponse, UploadImportRequest, UploadImportResponse, WatchImportRequest,
    WatchImportResponse, import_service_server::ImportService,
};
use rpc::{Because as _, Error, Reply};
use store::Store;
use tokio_stream::Stream;
use tonic::{Request, Status, Streaming};

pub use self::view::{counted, counts, in_review, plain, progress};
use crate::{Importer, db, rows};

/// The most rows that are removed in one transaction.
const EMPTIED_AT_ONCE: i64 = 5_000;

/// What a method streams.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ImportService for Importer {
    type WatchImportStream = Answers<WatchImportResponse>;
    type DownloadImportResultStream = Answers<DownloadImportResultResponse>;

    async fn upload_import(
        &self,
        request: Request<Streaming<UploadImportRequest>>,
    ) -> Reply<UploadImportResponse> {
        let (caller, parts) = rpc::open_stream(request)?;
        rpc::reply(upload::run(self, &caller, parts).await)
    }

    async fn get_import(&self, request: Request<GetImportRequest>) -> Reply<GetImportResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn list_imports(
        &self,
        request: Request<ListImportsRequest>,
    ) -> Reply<ListImportsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }

    async fn list_import_rows(
        &self,
        request: Request<ListImportRowsRequest>,
    ) -> Reply<ListImportRowsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(rows::list(self, &caller, ask).await)
    }

    async fn update_import_row(
        &self,
        request: Request<UpdateImportRowRequest>,
    ) -> Reply<UpdateImportRowResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(rows::update(self, &caller, ask).await)
    }

    async fn map_import_role(
        &self,
        request: Request<MapImportRoleRequest>,
    ) -> Reply<MapImportRoleResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(rows::map(self, &caller, ask).await)
    }

    async fn commit_import(
        &self,
        request: Request<CommitImportRequest>,
    ) -> Reply<CommitImportResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(commit::run(self, &caller, ask).await)
    }

    async fn watch_import(
        &self,
        request: Request<WatchImportRequest>,
    ) -> Reply<Self::WatchImportStream> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(watch::run(self, caller, ask).await)
    }

    async fn cancel_import(
        &self,
        request: Request<CancelImportRequest>,
    ) -> Reply<CancelImportResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(cancel::run(self, &caller, ask).await)
    }

    async fn download_import_result(
        &self,
        request: Request<DownloadImportResultRequest>,
    ) -> Reply<Self::DownloadImportResultStream> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(result::run(self, caller, ask).await)
    }
}

/// The refusal of an import that is not there.
pub fn not_found() -> Error {
    ErrorReason::ImportNotFound.because("there is no such import")
}

/// The refusal of a change after the review.
pub fn review_over() -> Error {
    ErrorReason::ReviewOver.because("the import is past its review")
}

/// Removes the rows of reviews that were given up, some at a time: a file has up to
/// a million.
pub async fn empty_given_up(store: &Store) -> Result<(), Error> {
    loop {
        let mut tx = store.worker().await?;
        let more = db::rows::empty_given_up(&mut tx, EMPTIED_AT_ONCE).await?;
        tx.done().await?;
        if !more {
            return Ok(());
        }
    }
}
