//! Changes in authorization.

use contract::authorization::{
    AddGroupMemberRequest, CreateProjectRequest, CreateRoleBindingRequest,
    DeleteRoleBindingRequest, RemoveGroupMemberRequest, group_service_client::GroupServiceClient,
    project_service_client::ProjectServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::licensing::{
    SetLicensedRolesRequest, UpdateLicenseRequest, license_service_client::LicenseServiceClient,
};
use usher_tests::password;

use super::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let (admin, operator) = (stage.admin(), &stage.company.operator);
    let user = || async { stage.company.user(&stage.email("held"), &password()).await };
    match method {
        "ProjectService.CreateProject" => {
            let ask = CreateProjectRequest {
                name: format!("Project {}", stage.number),
                ..Default::default()
            };
            stage
                .change(admin, call!(ProjectServiceClient.create_project(ask)))
                .await;
            leaves(&["project_created"])
        }
        "RoleBindingService.CreateRoleBinding" => {
            bind(stage, &user().await).await;
            leaves(&["role_binding_created"])
        }
        "RoleBindingService.DeleteRoleBinding" => {
            let ready = stage.before();
            let ask = DeleteRoleBindingRequest {
                binding_id: bind(&ready, &user().await).await,
                ..Default::default()
            };
            stage
                .change(
                    admin,
                    call!(RoleBindingServiceClient.delete_role_binding(ask)),
                )
                .await;
            leaves(&["role_binding_deleted"])
        }
        "GroupService.AddGroupMember" => {
            join(stage, &user().await).await;
            leaves(&["group_member_added"])
        }
        "GroupService.RemoveGroupMember" => {
            let user_id = user().await;
            join(&stage.before(), &user_id).await;
            let ask = RemoveGroupMemberRequest {
                group_id: stage.company.default_group().await,
                user_id,
                ..Default::default()
            };
            stage
                .change(admin, call!(GroupServiceClient.remove_group_member(ask)))
                .await;
            leaves(&["group_member_removed"])
        }
        "LicenseService.UpdateLicense" => {
            let ask = UpdateLicenseRequest {
                total_seats: 77,
                ..Default::default()
            };
            stage
                .change(operator, call!(LicenseServiceClient.update_license(ask)))
                .await;
            leaves(&["license_updated"])
        }
        "LicenseService.SetLicensedRoles" => {
            stage.company.license(1000, &[]).await;
            let ask = SetLicensedRolesRequest {
                role_ids: vec![stage.company.roles["analyst"].clone()],
                ..Default::default()
            };
            stage
                .change(
                    operator,
                    call!(LicenseServiceClient.set_licensed_roles(ask)),
                )
                .await;
            leaves(&["licensed_roles_set"])
        }
        _ => None,
    }
}

async fn bind(stage: &Stage<'_>, user_id: &str) -> String {
    let ask = CreateRoleBindingRequest {
        user_id: user_id.into(),
        role_id: stage.company.roles["analyst"].clone(),
        ..Default::default()
    };
    // Known to authorization from its event on.
    stage.suite.settled().await;
    let reply = stage
        .change(
            stage.admin(),
            call!(RoleBindingServiceClient.create_role_binding(ask)),
        )
        .await;
    reply.binding.expect("a binding").id
}

async fn join(stage: &Stage<'_>, user_id: &str) {
    let ask = AddGroupMemberRequest {
        group_id: stage.company.default_group().await,
        user_id: user_id.into(),
        ..Default::default()
    };
    stage.suite.settled().await;
    stage
        .change(
            stage.admin(),
            call!(GroupServiceClient.add_group_member(ask)),
        )
        .await;
}
