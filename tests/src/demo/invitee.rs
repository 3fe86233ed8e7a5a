//! Steps 4 to 6: one person arrives, is let in, and is shut out.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use contract::authorization::{
    CheckRequest, CheckResponse, access_service_client::AccessServiceClient,
};
use contract::identity::{
    DisableUserRequest, UserStatus, ValidateSessionRequest,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use contract::importer::ImportRow;
use contract::invitation::{
    PreviewInvitationRequest, invitation_service_client::InvitationServiceClient,
};
use testkit::{Client, refusal};
use tonic::Code;

use super::{Company, Steps, people::Brought};
use crate::{Mails, Member, Setup, accept, sign_in_with_code};

/// What every role of the standard set permits on a project.
const PERMISSION: &str = "projects.view";
/// How fast a disabled person's access must end everywhere.
const ACCESS_ENDS: Duration = Duration::from_secs(1);

/// An invitee who finished their set-up.
pub struct Guest {
    /// Their row in the file.
    pub row: ImportRow,
    /// What they chose.
    pub setup: Setup,
}

/// An analyst in the Default Group follows the link.
pub async fn arrive(company: &Company, brought: &Brought, mails: &Mails) -> Result<Guest> {
    let analyst = &company.roles["analyst"];
    let row = brought
        .rows
        .iter()
        .find(|row| row.role_id == *analyst && row.default_group);
    let row = row.context("no analyst in the Default Group")?.clone();
    let mail = mails
        .to(&row.email)
        .await?
        .into_iter()
        .rfind(|mail| mail.text.contains(&company.display_name));
    let token = mail.context("no mail to the invitee")?.token()?;
    let mut invitations = InvitationServiceClient::new(company.anyone.clone());
    let preview = invitations
        .preview_invitation(PreviewInvitationRequest {
            token: token.clone(),
        })
        .await?
        .into_inner();
    ensure!(
        preview.tenant_display_name == company.display_name,
        "the preview names another tenant: {preview:?}"
    );
    ensure!(
        preview.email.eq_ignore_ascii_case(&row.email),
        "the preview names another address: {preview:?}"
    );
    ensure!(
        preview.mfa_required,
        "the tenant requires a second factor, the preview does not say so"
    );
    let setup = accept(&company.anyone, &token).await?;
    ensure!(
        setup.authenticator.is_some(),
        "no second factor was asked for"
    );
    let again = invitations
        .preview_invitation(PreviewInvitationRequest { token })
        .await;
    ensure!(again.is_err(), "a used link still opens");
    Ok(Guest { row, setup })
}

/// They log in and reach every project, also one made just now.
pub async fn let_in(company: &Company, guest: &Guest, steps: &Steps) -> Result<Member> {
    let name = (company.name.as_str(), guest.row.email.as_str());
    let member = sign_in_with_code(&company.anyone, name, &guest.setup, 1).await?;
    let session = validate(&company.anyone, &member.session_token).await?;
    ensure!(session == member.user_id, "the session is another user's");
    let known = check(
        &company.admin.client,
        &member.user_id,
        &company.projects[0],
        "",
    )
    .await?;
    ensure!(
        known.allowed && !known.revision.is_empty(),
        "no access to a project of the Default Group: {known:?}"
    );
    let (project, revision) = company.project("Discovery").await?;
    let fresh = check(&company.admin.client, &member.user_id, &project, &revision).await?;
    ensure!(
        fresh.allowed,
        "the new project is not reached at revision {revision}: {fresh:?}"
    );
    steps.note(&format!(
        "allowed at revision {}, on the new project at {}",
        known.revision, fresh.revision
    ));
    Ok(member)
}

/// The admin disables them: the session at once, access within a second.
pub async fn shut_out(
    company: &Company,
    guest: &Guest,
    member: &Member,
    steps: &Steps,
) -> Result<()> {
    let ask = DisableUserRequest {
        user_id: guest.setup.user_id.clone(),
        ..Default::default()
    };
    let disabled = UserServiceClient::new(company.admin.client.clone())
        .disable_user(ask)
        .await?
        .into_inner();
    let since = Instant::now();
    let user = disabled.user.context("no user in the reply")?;
    ensure!(
        user.status() == UserStatus::Inactive,
        "the disabled user is {:?}",
        user.status()
    );
    match validate(&company.anyone, &member.session_token).await {
        Ok(_) => bail!("the session outlived the disabling"),
        Err(status) => ensure!(
            refusal(&status).reason == "SESSION_ENDED",
            "refused otherwise: {status:?}"
        ),
    }
    while check(
        &company.admin.client,
        &member.user_id,
        &company.projects[0],
        "",
    )
    .await?
    .allowed
    {
        ensure!(
            since.elapsed() < ACCESS_ENDS,
            "access goes on {:?} after the disabling",
            since.elapsed()
        );
    }
    steps.note(&format!(
        "session refused at once, access gone after {} ms",
        since.elapsed().as_millis()
    ));
    let name = (company.name.as_str(), guest.row.email.as_str());
    let again = sign_in_with_code(&company.anyone, name, &guest.setup, 2).await;
    let status = again
        .err()
        .and_then(|error| error.downcast::<tonic::Status>().ok());
    let code = status.as_ref().map(tonic::Status::code);
    ensure!(
        code == Some(Code::Unauthenticated),
        "a disabled user logs in: {status:?}"
    );
    Ok(())
}

async fn validate(anyone: &Client, session_token: &str) -> Result<String, tonic::Status> {
    let ask = ValidateSessionRequest {
        session_token: session_token.to_owned(),
    };
    let reply = SessionServiceClient::new(anyone.clone())
        .validate_session(ask)
        .await?
        .into_inner();
    Ok(reply.session.unwrap_or_default().user_id)
}

async fn check(
    client: &Client,
    user: &str,
    project: &str,
    at_least_revision: &str,
) -> Result<CheckResponse> {
    let ask = CheckRequest {
        user_id: user.to_owned(),
        permission: PERMISSION.into(),
        project_id: project.to_owned(),
        at_least_revision: at_least_revision.to_owned(),
    };
    Ok(AccessServiceClient::new(client.clone())
        .check(ask)
        .await?
        .into_inner())
}
