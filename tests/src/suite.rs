//! The suite in one process, on a fresh database, with a first operator.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use contract::authorization::{
    CreateProjectRequest, CreateRoleBindingRequest, ListGroupsRequest, ListRolesRequest, RoleSet,
    group_service_client::GroupServiceClient, project_service_client::ProjectServiceClient,
    role_binding_service_client::RoleBindingServiceClient, role_service_client::RoleServiceClient,
};
use contract::identity::{
    BootstrapRequest, CreateTenantRequest, CreateUserRequest, MfaPolicy, tenant_service_client::TenantServiceClient,
    user_service_client::UserServiceClient,
};
use contract::invitation::{
    CreateInvitationRequest, InvitationDraft, invitation_service_client::InvitationServiceClient,
};
use contract::licensing::{UpdateLicenseRequest, license_service_client::LicenseServiceClient};
use mailbox::Mailbox;
use testkit::{Client, Database, until};

use crate::{Mails, Member, accept, demo, password, sign_in};

/// What the suite is configured to be bootstrapped with.
pub const BOOTSTRAP_TOKEN: &str = "a bootstrap token for tests";
/// The root of all keys, known to everybody who reads this.
pub const SECRET: &str = "dGhpcnR5LXR3byBieXRlcyBmb3IgdGVzdHMgb25seSE=";
/// The first operator of the platform.
pub const OPERATOR: &str = "operator@platform.example";

/// Flags for tests that try to log in more often than people do.
pub const MANY_ATTEMPTS: [&str; 4] = ["--attempts-per-minute", "1000000", "--attempts-burst", "1000000"];
/// Flags for tests in which one caller calls more often than allowed.
pub const MANY_CALLS: [&str; 4] = ["--rate-per-second", "1000000", "--rate-burst", "1000000"];

/// The suite, running.
pub struct Suite {
    database: Database,
    mailbox: Arc<Mailbox>,
    running: suite::Running,
    time: store::ClockHandle,
    operator: Member,
    operator_password: String,
}

impl Suite {
    /// Starts everything and bootstraps the installation.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more flags of `usher-suite`.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(flags: &[&str]) -> Self {
        Self::try_start(flags).await.unwrap_or_else(|error| panic!("the suite does not start: {error:#}"))
    }

    async fn try_start(flags: &[&str]) -> Result<Self> {
        let database = Database::fresh().await;
        let mailbox = Arc::new(Mailbox::start_on_loopback()?);
        let (clock, time) = store::Clock::moved();
        let config = config(&database, &mailbox, flags)?;
        let mut running = suite::start(config, clock).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        anyhow::ensure!(running.ready(std::time::Duration::from_secs(30)).await, "a part does not serve");
        let anyone = Client::new(running.gateway.clone());
        let operator_password = password();
        let operator = bootstrap(&anyone, &operator_password).await?;
        Ok(Self { database, mailbox, running, time, operator, operator_password })
    }

    /// Somebody without a credential.
    #[must_use]
    pub fn anyone(&self) -> Client {
        Client::new(self.running.gateway.clone())
    }

    /// Moves the time of the suite; see `store::Clock`.
    #[must_use]
    pub fn time(&self) -> &store::ClockHandle {
        &self.time
    }

    /// The first operator.
    #[must_use]
    pub fn operator(&self) -> &Member {
        &self.operator
    }

    /// The mail catcher.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// The database, for looking at what no RPC shows.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What the demo runs against.
    #[must_use]
    pub fn setting(&self) -> demo::Setting {
        demo::Setting {
            gateway: self.running.gateway.clone(),
            mails: self.mails(),
            operator: OPERATOR.into(),
            password: self.operator_password.clone(),
        }
    }

    /// The mails caught so far.
    #[must_use]
    pub fn mails(&self) -> Mails {
        Mails::at(self.mailbox.http_url())
    }

    /// A tenant with the standard roles, optional MFA and one admin.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn company(&self, name: &str) -> Company {
        self.company_with(name, RoleSet::Standard, MfaPolicy::Optional).await
    }

    /// The same with other roles or another policy; the first admin has the
    /// first of the roles that may give roles.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn company_with(&self, name: &str, role_set: RoleSet, mfa_policy: MfaPolicy) -> Company {
        let ask = CreateTenantRequest {
            name: name.into(),
            display_name: format!("The {name} company"),
            role_set: role_set.into(),
            mfa_policy: mfa_policy.into(),
            ..Default::default()
        };
        let created = TenantServiceClient::new(self.operator.client.clone()).create_tenant(ask).await;
        let tenant = created.expect("a tenant").into_inner().tenant.expect("a tenant");
        let operator = self.operator.client.in_tenant(name);
        let roles = roles(&operator).await;
        let company =
            Company { anyone: self.anyone(), operator, roles, id: tenant.id, name: name.into(), admin: self.operator.clone() };
        let role = ["admin", "platform", "organization admin"].into_iter().find(|role| company.roles.contains_key(*role));
        let admin = company.invited(&format!("admin@{name}.example"), &[role.expect("an admin role")], &self.mails()).await;
        Company { admin, ..company }
    }

    /// Stops everything and drops the database.
    pub async fn stop(self) {
        self.running.stop().await;
        self.database.drop().await;
    }
}

/// A tenant in a test.
pub struct Company {
    /// The id.
    pub id: String,
    /// The short name.
    pub name: String,
    /// The operator of the platform, acting here.
    pub operator: Client,
    /// The first admin.
    pub admin: Member,
    /// Role ids by name.
    pub roles: BTreeMap<String, String>,
    /// Somebody without a credential.
    pub anyone: Client,
}

impl Company {
    /// A user who logs in with a password and holds no role.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn member_without_roles(&self, email: &str) -> Member {
        let password = password();
        self.user(email, &password).await;
        sign_in(&self.anyone, &self.name, email, &password).await.expect("a login")
    }

    /// A user with this password, without roles; answers the id.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn user(&self, email: &str, password: &str) -> String {
        let ask = CreateUserRequest {
            first_name: "Test".into(),
            last_name: "Person".into(),
            email: email.into(),
            password: password.into(),
            ..Default::default()
        };
        let reply = UserServiceClient::new(self.admin.client.clone()).create_user(ask).await.expect("a user");
        reply.into_inner().user.expect("a user").id
    }

    /// A user who logs in with a password and holds a role on the tenant.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn member(&self, email: &str, role: &str) -> Member {
        let member = self.member_without_roles(email).await;
        self.grant(&member.user_id, role, "").await.expect("a role");
        member
    }

    /// Gives a role as the admin; answers the revision.
    pub async fn grant(&self, user_id: &str, role: &str, project_id: &str) -> Result<String, tonic::Status> {
        let ask = CreateRoleBindingRequest {
            user_id: user_id.into(),
            role_id: self.roles[role].clone(),
            project_id: project_id.into(),
            ..Default::default()
        };
        let reply = RoleBindingServiceClient::new(self.admin.client.clone()).create_role_binding(ask).await?;
        Ok(reply.into_inner().revision)
    }

    /// A user who came by an invitation of the operator.
    ///
    /// # Panics
    /// When it does not work.
    pub async fn invited(&self, email: &str, roles: &[&str], mails: &Mails) -> Member {
        let ask = CreateInvitationRequest { invitation: Some(self.draft(email, roles)), ..Default::default() };
        InvitationServiceClient::new(self.operator.clone()).create_invitation(ask).await.expect("an invitation");
        let token = token_mailed_to(mails, email).await;
        let setup = accept(&self.anyone, &token).await.expect("an acceptance");
        match &setup.session_token {
            Some(token) => {
                Member { user_id: setup.user_id.clone(), session_token: token.clone(), client: self.anyone.signed_in(token) }
            }
            None => sign_in(&self.anyone, &self.name, email, &setup.password).await.expect("a login"),
        }
    }

    /// An invitation with these roles.
    #[must_use]
    pub fn draft(&self, email: &str, roles: &[&str]) -> InvitationDraft {
        InvitationDraft {
            email: email.into(),
            first_name: "Ivo".into(),
            last_name: "Invited".into(),
            role_ids: roles.iter().map(|role| self.roles[*role].clone()).collect(),
            ..Default::default()
        }
    }

    /// A project; answers its id and the revision.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn project(&self, name: &str) -> (String, String) {
        let ask = CreateProjectRequest { name: name.into(), ..Default::default() };
        let reply = ProjectServiceClient::new(self.admin.client.clone()).create_project(ask).await.expect("a project");
        let reply = reply.into_inner();
        (reply.project.expect("a project").id, reply.revision)
    }

    /// The id of the Default Group.
    ///
    /// # Panics
    /// When there is none.
    pub async fn default_group(&self) -> String {
        let reply = GroupServiceClient::new(self.admin.client.clone()).list_groups(ListGroupsRequest::default()).await;
        let groups = reply.expect("groups").into_inner().groups;
        groups.into_iter().find(|group| group.default).expect("the Default Group").id
    }

    /// The operator sets the seats, and which roles use one.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn license(&self, seats: u32, licensed: &[&str]) {
        let mut licenses = LicenseServiceClient::new(self.operator.clone());
        let role_ids = licensed.iter().map(|role| self.roles[*role].clone()).collect();
        let roles = contract::licensing::SetLicensedRolesRequest { role_ids, ..Default::default() };
        let total = UpdateLicenseRequest { total_seats: seats, ..Default::default() };
        licenses.update_license(total).await.expect("seats");
        licenses.set_licensed_roles(roles).await.expect("licensed roles");
    }

    /// One of each thing that has an id, by the kind that request fields name.
    ///
    /// # Panics
    /// When one cannot be made.
    pub async fn one_of_each(&self) -> BTreeMap<&'static str, String> {
        let role = self.roles["analyst"].clone();
        let user = self.user("one.of.each@things.example", &password()).await;
        let binding = self.bind(&user, &role).await;
        let draft = self.draft("invited.of.each@things.example", &["analyst"]);
        let ask = CreateInvitationRequest { invitation: Some(draft), ..Default::default() };
        let invitation = InvitationServiceClient::new(self.admin.client.clone()).create_invitation(ask).await;
        let invitation = invitation.expect("an invitation").into_inner().invitation.expect("an invitation").id;
        let import = demo::upload(&self.admin.client, "people.csv").await.expect("an import").id;
        let sessions = contract::identity::ListSessionsRequest::default();
        let sessions = contract::identity::session_service_client::SessionServiceClient::new(self.admin.client.clone())
            .list_sessions(sessions)
            .await;
        let session = sessions.expect("sessions").into_inner().sessions[0].id.clone();
        BTreeMap::from([
            ("role", role),
            ("user", user.clone()),
            ("target", user),
            ("binding", binding),
            ("invitation", invitation),
            ("import", import),
            ("session", session),
            ("project", self.project("One of each").await.0),
            ("group", self.default_group().await),
        ])
    }

    async fn bind(&self, user_id: &str, role_id: &str) -> String {
        let ask = CreateRoleBindingRequest {
            user_id: user_id.into(),
            role_id: role_id.into(),
            ..Default::default()
        };
        let reply = RoleBindingServiceClient::new(self.admin.client.clone()).create_role_binding(ask).await;
        reply.expect("a role binding").into_inner().binding.expect("a role binding").id
    }
}

/// Makes the platform tenant and its first operator, who logs in.
pub async fn bootstrap(anyone: &Client, operator_password: &str) -> Result<Member> {
    let ask = BootstrapRequest {
        bootstrap_token: BOOTSTRAP_TOKEN.into(),
        email: OPERATOR.into(),
        first_name: "Olga".into(),
        last_name: "Operator".into(),
        password: operator_password.to_owned(),
    };
    TenantServiceClient::new(anyone.clone()).bootstrap(ask).await.context("bootstrapping")?;
    sign_in(anyone, "platform", OPERATOR, operator_password).await
}

/// Waits for a mail to an address and answers the secret of its link.
pub async fn token_mailed_to(mails: &Mails, email: &str) -> String {
    let mail = until("a mail with a link", || async { mails.to(email).await.ok()?.pop() }).await;
    mail.token().expect("a secret in the mail")
}

async fn roles(operator: &Client) -> BTreeMap<String, String> {
    let ask = ListRolesRequest { page_size: 100, ..Default::default() };
    let reply = RoleServiceClient::new(operator.clone()).list_roles(ask).await.expect("roles").into_inner();
    reply.roles.into_iter().map(|role| (role.name, role.id)).collect()
}

fn config(database: &Database, mailbox: &Mailbox, flags: &[&str]) -> Result<suite::Config> {
    let (redis_url, redis_prefix) = testkit::redis();
    let own = [
        ("--postgres-url", database.url()),
        ("--postgres-connections", "5".to_owned()),
        ("--redis-url", redis_url),
        ("--redis-prefix", redis_prefix),
        ("--secret", SECRET.to_owned()),
        ("--smtp-url", mailbox.smtp_url()),
        ("--mail-from", "Usher <no-reply@usher.example>".to_owned()),
        ("--link-base", "https://people.example/".to_owned()),
        ("--bootstrap-token", BOOTSTRAP_TOKEN.to_owned()),
    ];
    let own = own.iter().flat_map(|(name, value)| [*name, value.as_str()]);
    Ok(suite::config(own.chain(flags.iter().copied()))?)
}
