//! Machines and their keys.

use contract::identity::{
    CreateApiKeyRequest, CreateServiceAccountRequest, DeleteServiceAccountRequest,
    DisableServiceAccountRequest, EnableServiceAccountRequest, RevokeApiKeyRequest,
    RotateApiKeyRequest, UpdateServiceAccountRequest,
    service_account_service_client::ServiceAccountServiceClient,
};

use crate::trail::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let admin = stage.admin();
    if method == "ServiceAccountService.CreateServiceAccount" {
        create(stage).await;
        return leaves(&["service_account_created"]);
    }
    let service_account_id = create(&stage.before()).await;
    match method {
        "ServiceAccountService.UpdateServiceAccount" => {
            let ask = UpdateServiceAccountRequest {
                service_account_id,
                description: Some("another".into()),
                ..Default::default()
            };
            let call = call!(ServiceAccountServiceClient.update_service_account(ask));
            stage.change(admin, call).await;
            leaves(&["service_account_updated"])
        }
        "ServiceAccountService.DisableServiceAccount" => {
            disable(stage, &service_account_id).await;
            leaves(&["service_account_disabled", "user_suspended"])
        }
        "ServiceAccountService.EnableServiceAccount" => {
            disable(&stage.before(), &service_account_id).await;
            let ask = EnableServiceAccountRequest {
                service_account_id,
                ..Default::default()
            };
            let call = call!(ServiceAccountServiceClient.enable_service_account(ask));
            stage.change(admin, call).await;
            leaves(&["service_account_enabled", "user_resumed"])
        }
        "ServiceAccountService.DeleteServiceAccount" => {
            let ask = DeleteServiceAccountRequest {
                service_account_id,
                ..Default::default()
            };
            let call = call!(ServiceAccountServiceClient.delete_service_account(ask));
            stage.change(admin, call).await;
            leaves(&["service_account_deleted", "user_erased"])
        }
        "ServiceAccountService.CreateApiKey" => {
            key(stage, &service_account_id).await;
            leaves(&["api_key_created"])
        }
        "ServiceAccountService.RotateApiKey" => {
            let ask = RotateApiKeyRequest {
                api_key_id: key(&stage.before(), &service_account_id).await,
                ..Default::default()
            };
            let call = call!(ServiceAccountServiceClient.rotate_api_key(ask));
            stage.change(admin, call).await;
            leaves(&["api_key_created"])
        }
        "ServiceAccountService.RevokeApiKey" => {
            let ask = RevokeApiKeyRequest {
                api_key_id: key(&stage.before(), &service_account_id).await,
                ..Default::default()
            };
            let call = call!(ServiceAccountServiceClient.revoke_api_key(ask));
            stage.change(admin, call).await;
            leaves(&["api_key_revoked"])
        }
        _ => None,
    }
}

async fn create(stage: &Stage<'_>) -> String {
    let ask = CreateServiceAccountRequest {
        name: format!("Machine {}", stage.request),
        ..Default::default()
    };
    let call = call!(ServiceAccountServiceClient.create_service_account(ask));
    let reply = stage.change(stage.admin(), call).await;
    stage.suite.settled().await;
    reply.service_account.expect("an account").id
}

async fn disable(stage: &Stage<'_>, service_account_id: &str) {
    let ask = DisableServiceAccountRequest {
        service_account_id: service_account_id.into(),
        ..Default::default()
    };
    let call = call!(ServiceAccountServiceClient.disable_service_account(ask));
    stage.change(stage.admin(), call).await;
    stage.suite.settled().await;
}

async fn key(stage: &Stage<'_>, service_account_id: &str) -> String {
    let ask = CreateApiKeyRequest {
        service_account_id: service_account_id.into(),
        display_name: "a script".into(),
        ..Default::default()
    };
    let call = call!(ServiceAccountServiceClient.create_api_key(ask));
    let reply = stage.change(stage.admin(), call).await;
    reply.api_key.expect("a key").id
}
