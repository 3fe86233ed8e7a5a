//! Projects: what a tenant grants access to.

use contract::authorization::project_service_server::ProjectService;
use contract::authorization::{
    CreateProjectRequest, CreateProjectResponse, ErrorReason, GetProjectRequest,
    GetProjectResponse, ListProjectsRequest, ListProjectsResponse,
};
use rpc::{Because as _, Caller, Error, Reply};
use tonic::Request;

use crate::Authorization;
use crate::check::{self, Reach};

mod create;
mod get;
mod list;

#[tonic::async_trait]
impl ProjectService for Authorization {
    async fn create_project(
        &self,
        request: Request<CreateProjectRequest>,
    ) -> Reply<CreateProjectResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(create::run(self, &caller, ask).await)
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Reply<GetProjectResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(get::run(self, &caller, ask).await)
    }

    async fn list_projects(
        &self,
        request: Request<ListProjectsRequest>,
    ) -> Reply<ListProjectsResponse> {
        let (caller, ask) = rpc::open(request)?;
        rpc::reply(list::run(self, &caller, ask).await)
    }
}

/// The refusal of an id that is no project's of the tenant.
pub fn not_found() -> Error {
    ErrorReason::ProjectNotFound.because("there is no such project")
}

/// The projects that the caller may see: those they reach; all of them for an
/// operator of the platform and for the suite itself.
async fn reach(app: &Authorization, caller: &Caller) -> Result<Reach, Error> {
    let tenant = caller.tenant()?;
    match caller.user {
        Some(user) if caller.home.is_none_or(|home| home == tenant) => {
            if let Some((reach, _)) = app.cache.ask(tenant, user, 0, |view| view.reach()) {
                return Ok(reach);
            }
            let loaded = check::load(app, caller, &[user], 0).await?;
            Ok(loaded
                .and_then(|loaded| Some(loaded.view(user)?.reach()))
                .unwrap_or_default())
        }
        _ => Ok(Reach {
            all: true,
            ..Reach::default()
        }),
    }
}
