//! `GetProject`.

use contract::authorization::{GetProjectRequest, GetProjectResponse};
use rpc::{Caller, Error};

use super::{not_found, reach};
use crate::{Authorization, db};

/// Reads a project that the caller reaches.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: GetProjectRequest,
) -> Result<GetProjectResponse, Error> {
    let id = ask.project_id.parse()?;
    let reach = reach(app, caller).await?;
    let mut tx = app.store.read(caller).await?;
    let project = db::projects::get(&mut tx, caller.tenant()?, id, &reach)
        .await?
        .ok_or_else(not_found)?;
    Ok(GetProjectResponse {
        project: Some(project.into()),
    })
}
