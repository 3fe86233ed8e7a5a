//! Step 1: a company to bring in.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use contract::authorization::{
    CreateProjectRequest, ListRolesRequest, RoleSet, project_service_client::ProjectServiceClient,
    role_service_client::RoleServiceClient,
};
use contract::identity::{
    CreateTenantRequest, MfaPolicy, tenant_service_client::TenantServiceClient,
};
use contract::invitation::{
    CreateInvitationRequest, InvitationDraft, invitation_service_client::InvitationServiceClient,
};
use contract::licensing::{
    GetLicenseRequest, License, SetLicensedRolesRequest, UpdateLicenseRequest,
    license_service_client::LicenseServiceClient,
};
use testkit::Client;

use crate::{Mails, Member, accept, sign_in_with_code};

/// The seats that Acme starts with.
const SEATS: u32 = 150;

/// Acme, with the operator who made it and its first admin.
pub struct Company {
    /// The short name.
    pub name: String,
    /// The name for people, different in each run.
    pub display_name: String,
    /// Somebody without a credential.
    pub anyone: Client,
    /// The operator of the platform, acting in Acme.
    pub operator: Client,
    /// Acme's first admin.
    pub admin: Member,
    /// Role ids by name.
    pub roles: BTreeMap<String, String>,
    /// The ids of the projects.
    pub projects: Vec<String>,
}

impl Company {
    /// Founds Acme.
    pub async fn found(anyone: &Client, operator: &Member, mails: &Mails) -> Result<Self> {
        let mark = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let name = format!("acme-{mark}");
        let display_name = format!("Acme {mark}");
        create(&operator.client, &name, &display_name).await?;
        let operator = operator.client.in_tenant(&name);
        let roles = roles(&operator).await?;
        license(&operator, &roles).await?;
        let admin = first_admin(
            anyone,
            &operator,
            (&name, &display_name),
            &roles["admin"],
            mails,
        )
        .await?;
        let mut company = Self {
            name,
            display_name,
            anyone: anyone.clone(),
            operator,
            admin,
            roles,
            projects: Vec::new(),
        };
        for name in ["Atlas", "Borealis", "Cassini"] {
            let (id, _) = company.project(name).await?;
            company.projects.push(id);
        }
        let license = company.license().await?;
        ensure!(
            license.used_seats == 1,
            "the first admin should hold one seat, not {}",
            license.used_seats
        );
        Ok(company)
    }

    /// Creates a project; answers its id and the revision of the change.
    pub async fn project(&self, name: &str) -> Result<(String, String)> {
        let ask = CreateProjectRequest {
            name: name.to_owned(),
            ..Default::default()
        };
        let reply = ProjectServiceClient::new(self.admin.client.clone())
            .create_project(ask)
            .await?
            .into_inner();
        Ok((
            reply.project.context("no project in the reply")?.id,
            reply.revision,
        ))
    }

    /// The licence as the admin sees it.
    pub async fn license(&self) -> Result<License> {
        let mut licenses = LicenseServiceClient::new(self.admin.client.clone());
        licenses
            .get_license(GetLicenseRequest {})
            .await?
            .into_inner()
            .license
            .context("no licence")
    }

    /// The operator sets the seats.
    pub async fn set_seats(&self, total_seats: u32) -> Result<License> {
        let ask = UpdateLicenseRequest {
            total_seats,
            ..Default::default()
        };
        let reply = LicenseServiceClient::new(self.operator.clone())
            .update_license(ask)
            .await?;
        reply.into_inner().license.context("no licence")
    }
}

async fn create(operator: &Client, name: &str, display_name: &str) -> Result<()> {
    let ask = CreateTenantRequest {
        name: name.to_owned(),
        display_name: display_name.to_owned(),
        mfa_policy: MfaPolicy::Required.into(),
        role_set: RoleSet::Standard.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    TenantServiceClient::new(operator.clone())
        .create_tenant(ask)
        .await
        .context("creating the tenant")?;
    Ok(())
}

async fn roles(operator: &Client) -> Result<BTreeMap<String, String>> {
    let ask = ListRolesRequest {
        page_size: 100,
        ..Default::default()
    };
    let reply = RoleServiceClient::new(operator.clone())
        .list_roles(ask)
        .await?
        .into_inner();
    let roles: BTreeMap<_, _> = reply
        .roles
        .into_iter()
        .map(|role| (role.name, role.id))
        .collect();
    for name in ["admin", "standard user", "analyst"] {
        ensure!(
            roles.contains_key(name),
            "the role set misses {name:?}: {roles:?}"
        );
    }
    Ok(roles)
}

async fn license(operator: &Client, roles: &BTreeMap<String, String>) -> Result<()> {
    let mut licenses = LicenseServiceClient::new(operator.clone());
    let role_ids = vec![roles["admin"].clone(), roles["analyst"].clone()];
    licenses
        .set_licensed_roles(SetLicensedRolesRequest {
            role_ids,
            ..Default::default()
        })
        .await?;
    licenses
        .update_license(UpdateLicenseRequest {
            total_seats: SEATS,
            ..Default::default()
        })
        .await?;
    Ok(())
}

/// Invites the first admin, who follows the link and logs in.
async fn first_admin(
    anyone: &Client,
    operator: &Client,
    (name, display_name): (&str, &str),
    role: &str,
    mails: &Mails,
) -> Result<Member> {
    let email = format!("alma.weber@{name}.example");
    let draft = InvitationDraft {
        email: email.clone(),
        first_name: "Alma".into(),
        last_name: "Weber".into(),
        role_ids: vec![role.to_owned()],
        default_group: true,
        ..Default::default()
    };
    let ask = CreateInvitationRequest {
        invitation: Some(draft),
        ..Default::default()
    };
    InvitationServiceClient::new(operator.clone())
        .create_invitation(ask)
        .await
        .context("inviting the admin")?;
    let mail = testkit::until("a mail to the first admin", || async {
        mails.to(&email).await.ok()?.pop()
    })
    .await;
    ensure!(
        mail.text.contains(display_name),
        "the mail does not name {display_name}"
    );
    let setup = accept(anyone, &mail.token()?).await?;
    sign_in_with_code(anyone, (name, &email), &setup, 1)
        .await
        .context("the admin logs in")
}
