//! `CreateProject`.

use contract::authorization::{
    CreateProjectRequest, CreateProjectResponse, ErrorReason, Project, ProjectCreated,
};
use rpc::{Because as _, Caller, Error, Id};

use crate::revisions::announce;
use crate::{Authorization, db, provisioning};

/// Adds a project under the revision by which it is there.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: CreateProjectRequest,
) -> Result<CreateProjectResponse, Error> {
    let tenant = caller.tenant()?;
    let name = ask.name.trim();
    if name.is_empty() {
        return Err(Error::field("name", "must not be blank"));
    }
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    db::tenants::lock(&mut tx, tenant)
        .await?
        .ok_or_else(provisioning::unprepared)?;
    let revision = db::tenants::advance_structure(&mut tx, tenant).await?;
    let row = db::projects::insert(&mut tx, tenant, Id::new(), name, revision)
        .await?
        .ok_or_else(name_taken)?;
    let project = Some(Project::from(row));
    let revision = revision.to_string();
    announce(
        &app.cache,
        &mut tx,
        ProjectCreated {
            project: project.clone(),
            revision: revision.clone(),
        },
    );
    tx.commit(CreateProjectResponse { project, revision }).await
}

fn name_taken() -> Error {
    ErrorReason::ProjectNameTaken.because("another project has this name")
}
