//! A tenant in a test, and the people in it.

use std::collections::BTreeMap;

use contract::authorization::{
    CreateProjectRequest, CreateRoleBindingRequest, ListGroupsRequest, ListRolesRequest,
    group_service_client::GroupServiceClient, project_service_client::ProjectServiceClient,
    role_binding_service_client::RoleBindingServiceClient, role_service_client::RoleServiceClient,
};
use contract::identity::{
    BulkAction, CreateApiKeyRequest, CreateBulkOperationRequest, CreatePropertyRequest,
    CreateServiceAccountRequest, CreateUserRequest, ListDevicesRequest, ListSessionsRequest,
    NamedUsers, Property, PropertyType, bulk_service_client::BulkServiceClient,
    create_bulk_operation_request, device_service_client::DeviceServiceClient,
    property_service_client::PropertyServiceClient,
    service_account_service_client::ServiceAccountServiceClient,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use contract::invitation::{
    CreateInvitationRequest, InvitationDraft, invitation_service_client::InvitationServiceClient,
};
use contract::licensing::{
    SetLicensedRolesRequest, UpdateLicenseRequest, license_service_client::LicenseServiceClient,
};
use testkit::{Client, until};

use crate::{Mails, Member, accept, demo, password, sign_in};

/// The property of users that is among one of each thing.
pub const PROPERTY: &str = "plausible";

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
        sign_in(&self.anyone, &self.name, email, &password)
            .await
            .expect("a login")
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
        let reply = UserServiceClient::new(self.admin.client.clone())
            .create_user(ask)
            .await
            .expect("a user");
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
    pub async fn grant(
        &self,
        user_id: &str,
        role: &str,
        project_id: &str,
    ) -> Result<String, tonic::Status> {
        let ask = CreateRoleBindingRequest {
            user_id: user_id.into(),
            role_id: self.roles[role].clone(),
            project_id: project_id.into(),
            ..Default::default()
        };
        let reply = RoleBindingServiceClient::new(self.admin.client.clone())
            .create_role_binding(ask)
            .await?;
        Ok(reply.into_inner().revision)
    }

    /// A user who came by an invitation of the operator.
    ///
    /// # Panics
    /// When it does not work.
    pub async fn invited(&self, email: &str, roles: &[&str], mails: &Mails) -> Member {
        let ask = CreateInvitationRequest {
            invitation: Some(self.draft(email, roles)),
            ..Default::default()
        };
        InvitationServiceClient::new(self.operator.clone())
            .create_invitation(ask)
            .await
            .expect("an invitation");
        let token = token_mailed_to(mails, email).await;
        let setup = accept(&self.anyone, &token).await.expect("an acceptance");
        match &setup.session_token {
            Some(token) => Member {
                user_id: setup.user_id.clone(),
                session_token: token.clone(),
                client: self.anyone.signed_in(token),
            },
            None => sign_in(&self.anyone, &self.name, email, &setup.password)
                .await
                .expect("a login"),
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
        let ask = CreateProjectRequest {
            name: name.into(),
            ..Default::default()
        };
        let reply = ProjectServiceClient::new(self.admin.client.clone())
            .create_project(ask)
            .await
            .expect("a project");
        let reply = reply.into_inner();
        (reply.project.expect("a project").id, reply.revision)
    }

    /// The id of the Default Group.
    ///
    /// # Panics
    /// When there is none.
    pub async fn default_group(&self) -> String {
        let reply = GroupServiceClient::new(self.admin.client.clone())
            .list_groups(ListGroupsRequest::default())
            .await;
        let groups = reply.expect("groups").into_inner().groups;
        groups
            .into_iter()
            .find(|group| group.default)
            .expect("the Default Group")
            .id
    }

    /// The operator sets the seats, and which roles use one.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn license(&self, seats: u32, licensed: &[&str]) {
        let mut licenses = LicenseServiceClient::new(self.operator.clone());
        let role_ids = licensed
            .iter()
            .map(|role| self.roles[*role].clone())
            .collect();
        let roles = SetLicensedRolesRequest {
            role_ids,
            ..Default::default()
        };
        let total = UpdateLicenseRequest {
            total_seats: seats,
            ..Default::default()
        };
        licenses.update_license(total).await.expect("seats");
        licenses
            .set_licensed_roles(roles)
            .await
            .expect("licensed roles");
    }

    /// One of each thing that has an id, by the kind that request fields name.
    ///
    /// # Panics
    /// When one cannot be made.
    pub async fn one_of_each(&self) -> BTreeMap<&'static str, String> {
        let role = self.roles["analyst"].clone();
        let user = self.user("one.of.each@things.example", &password()).await;
        let binding = self.bind(&user, &role).await;
        self.define(PROPERTY).await;
        let invitation = self.invite("invited.of.each@things.example").await;
        let invitation = invitation.expect("an invitation").id;
        let import = demo::upload(&self.admin.client, "people.csv")
            .await
            .expect("an import")
            .id;
        let mut sessions = SessionServiceClient::new(self.admin.client.clone());
        let sessions = sessions.list_sessions(ListSessionsRequest::default()).await;
        let session = sessions.expect("sessions").into_inner().sessions[0]
            .id
            .clone();
        let (service_account, api_key) = self.machine("one of each").await;
        BTreeMap::from([
            ("service_account", service_account),
            ("api_key", api_key),
            ("role", role),
            ("user", user.clone()),
            ("target", user.clone()),
            ("binding", binding),
            ("invitation", invitation),
            ("import", import),
            ("session", session),
            ("device", self.device().await),
            ("project", self.project("One of each").await.0),
            ("group", self.default_group().await),
            // Kept and shown; whose they are is not asked.
            ("active_directory", uuid::Uuid::new_v4().to_string()),
            ("classification_level", uuid::Uuid::new_v4().to_string()),
            ("bulk_operation", self.enable_all(&[user]).await),
        ])
    }

    /// A device of the admin.
    async fn device(&self) -> String {
        let mut devices = DeviceServiceClient::new(self.admin.client.clone());
        let devices = devices.list_devices(ListDevicesRequest::default()).await;
        devices.expect("devices").into_inner().devices[0].id.clone()
    }

    /// A service account with a key; answers both ids.
    async fn machine(&self, name: &str) -> (String, String) {
        let mut accounts = ServiceAccountServiceClient::new(self.admin.client.clone());
        let ask = CreateServiceAccountRequest {
            name: name.into(),
            ..Default::default()
        };
        let made = accounts.create_service_account(ask).await;
        let account = made.expect("an account").into_inner().service_account;
        let account = account.expect("an account").id;
        let ask = CreateApiKeyRequest {
            service_account_id: account.clone(),
            display_name: name.into(),
            ..Default::default()
        };
        let made = accounts.create_api_key(ask).await.expect("a key");
        (account, made.into_inner().api_key.expect("a key").id)
    }

    async fn define(&self, name: &str) {
        let property = Property {
            name: name.into(),
            display_name: name.into(),
            r#type: PropertyType::Text.into(),
            ..Default::default()
        };
        let ask = CreatePropertyRequest {
            property: Some(property),
            ..Default::default()
        };
        PropertyServiceClient::new(self.admin.client.clone())
            .create_property(ask)
            .await
            .expect("a property");
    }

    /// A bulk operation that enables these users; answers its id.
    async fn enable_all(&self, user_ids: &[String]) -> String {
        let named = NamedUsers {
            user_ids: user_ids.to_vec(),
        };
        let ask = CreateBulkOperationRequest {
            action: BulkAction::Enable.into(),
            users: Some(create_bulk_operation_request::Users::Named(named)),
            ..Default::default()
        };
        let reply = BulkServiceClient::new(self.admin.client.clone())
            .create_bulk_operation(ask)
            .await;
        let reply = reply.expect("a bulk operation").into_inner();
        reply.bulk_operation.expect("a bulk operation").id
    }

    async fn bind(&self, user_id: &str, role_id: &str) -> String {
        let ask = CreateRoleBindingRequest {
            user_id: user_id.into(),
            role_id: role_id.into(),
            ..Default::default()
        };
        let reply = RoleBindingServiceClient::new(self.admin.client.clone())
            .create_role_binding(ask)
            .await;
        reply
            .expect("a role binding")
            .into_inner()
            .binding
            .expect("a role binding")
            .id
    }
}

/// Waits for a mail to an address and answers the secret of its link.
pub async fn token_mailed_to(mails: &Mails, email: &str) -> String {
    // Notices have none.
    until("a mail with a link", || async {
        let mails = mails.to(email).await.ok()?;
        mails.iter().rev().find_map(|mail| mail.token().ok())
    })
    .await
}

/// Role ids by name.
///
/// # Panics
/// When they cannot be listed.
pub async fn roles(operator: &Client) -> BTreeMap<String, String> {
    let ask = ListRolesRequest {
        page_size: 100,
        ..Default::default()
    };
    let reply = RoleServiceClient::new(operator.clone())
        .list_roles(ask)
        .await
        .expect("roles")
        .into_inner();
    reply
        .roles
        .into_iter()
        .map(|role| (role.name, role.id))
        .collect()
}
