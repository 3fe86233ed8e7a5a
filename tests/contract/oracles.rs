//! B-24: nobody learns from an answer what another tenant has.

use contract::authorization::{CreateProjectRequest, project_service_client::ProjectServiceClient};
use contract::identity::{
    AddDomainRequest, CreateUserRequest, LoginRequest, RequestPasswordResetRequest,
    domain_service_client::DomainServiceClient, login_service_client::LoginServiceClient,
    user_service_client::UserServiceClient,
};
use contract::importer::{
    UploadHeader, UploadImportRequest, import_service_client::ImportServiceClient,
    upload_import_request::Part,
};
use contract::invitation::{
    CreateInvitationRequest, invitation_service_client::InvitationServiceClient,
};
use tonic::{Response, Status};
use usher_tests::{Company, Suite, password};

/// What is told apart: the outcome, and why.
fn told<T>(answer: Result<Response<T>, Status>) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(status) => format!(
            "{:?} {:?} {}",
            status.code(),
            testkit::refusal(&status).reason,
            status.message()
        ),
    }
}

async fn create_user(company: &Company, email: &str) -> String {
    let ask = CreateUserRequest {
        first_name: "Test".into(),
        last_name: "Person".into(),
        email: email.into(),
        password: password(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(company.admin.client.clone());
    told(users.create_user(ask).await)
}

async fn invite(company: &Company, email: &str) -> String {
    let ask = CreateInvitationRequest {
        invitation: Some(company.draft(email, &[])),
        ..Default::default()
    };
    let mut invitations = InvitationServiceClient::new(company.admin.client.clone());
    told(invitations.create_invitation(ask).await)
}

async fn create_project(company: &Company, name: &str) -> String {
    let ask = CreateProjectRequest {
        name: name.into(),
        ..Default::default()
    };
    let mut projects = ProjectServiceClient::new(company.admin.client.clone());
    told(projects.create_project(ask).await)
}

/// Adds the domain of an address.
async fn add_domain(company: &Company, email: &str) -> String {
    let ask = AddDomainRequest {
        domain: email.replace('@', "."),
        ..Default::default()
    };
    let mut domains = DomainServiceClient::new(company.admin.client.clone());
    told(domains.add_domain(ask).await)
}

/// What the preview of a file with one address says of it.
async fn preview(company: &Company, email: &str) -> String {
    let header = UploadHeader {
        file_name: "one.csv".into(),
        ..Default::default()
    };
    let file = format!("Email,First Name,Last Name\n{email},One,Person\n");
    let parts = [Part::Header(header), Part::Chunk(file.into_bytes())]
        .map(|part| UploadImportRequest { part: Some(part) });
    let mut imports = ImportServiceClient::new(company.admin.client.clone());
    let reply = imports.upload_import(tokio_stream::iter(parts)).await;
    let import = reply.expect("an import").into_inner().import;
    format!("{:?}", import.expect("an import").counts)
}

async fn login(company: &Company, email: &str, password: &str) -> String {
    let ask = LoginRequest {
        tenant: company.name.clone(),
        username: email.into(),
        password: password.into(),
        ..Default::default()
    };
    told(
        LoginServiceClient::new(company.anyone.clone())
            .login(ask)
            .await,
    )
}

async fn reset(company: &Company, email: &str) -> String {
    let ask = RequestPasswordResetRequest {
        tenant: company.name.clone(),
        username: email.into(),
    };
    let mut logins = LoginServiceClient::new(company.anyone.clone());
    told(logins.request_password_reset(ask).await)
}

/// All that can be asked about a person and a project, in one tenant.
async fn questions(company: &Company, who: &str, secret: &str, project: &str) -> Vec<String> {
    vec![
        login(company, who, secret).await,
        reset(company, who).await,
        preview(company, who).await,
        invite(company, &who.replace('@', "+invited@")).await,
        create_user(company, who).await,
        create_project(company, project).await,
        add_domain(company, who).await,
    ]
}

#[tokio::test]
async fn b_24_what_exists_elsewhere_is_answered_as_what_exists_nowhere() {
    let suite = Suite::start().await;
    let theirs = suite.company("theirs").await;
    let secret = password();
    theirs.user("known@people.example", &secret).await;
    assert_eq!(invite(&theirs, "known+invited@people.example").await, "ok");
    theirs.project("Known").await;
    assert_eq!(add_domain(&theirs, "known@people.example").await, "ok");

    let ours = suite.company("ours").await;
    let elsewhere = questions(&ours, "known@people.example", &secret, "Known").await;
    let nowhere = questions(&ours, "never@people.example", &secret, "Never").await;
    assert_eq!(elsewhere, nowhere);

    // The control: where it does exist, the answers tell.
    let there = questions(&theirs, "known@people.example", &secret, "Known").await;
    let apart = there
        .iter()
        .zip(&nowhere)
        .filter(|(one, other)| one != other);
    // All but the reset, which tells nobody anything.
    assert_eq!(apart.count(), there.len() - 1, "{there:?} {nowhere:?}");
    suite.stop().await;
}

/// With the defence off, an address taken once for all tenants, the same
/// question tells.
#[tokio::test]
async fn b_24_control_an_address_unique_across_tenants_tells() {
    let suite = Suite::start().await;
    let theirs = suite.company("theirs").await;
    let ours = suite.company("ours").await;
    theirs.user("known@people.example", &password()).await;
    let mut db = suite.database().connect().await;
    for sql in [
        "DROP INDEX identity.users_by_email",
        "CREATE UNIQUE INDEX users_by_email ON identity.users (email_key)",
    ] {
        sqlx::query(sql).execute(&mut db).await.expect(sql);
    }
    let elsewhere = create_user(&ours, "known@people.example").await;
    let nowhere = create_user(&ours, "never@people.example").await;
    assert_ne!(elsewhere, nowhere, "the test does not see an oracle");
    suite.stop().await;
}
