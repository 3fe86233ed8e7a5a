//! Sessions, tokens and devices.

use contract::identity::{
    CreateTokensRequest, ListDevicesRequest, RefreshTokensRequest, RevokeAllDevicesRequest,
    RevokeAllSessionsRequest, RevokeDeviceRequest, RevokeSessionRequest, RotateSigningKeysRequest,
    device_service_client::DeviceServiceClient, session_service_client::SessionServiceClient,
    token_service_client::TokenServiceClient,
};
use usher_tests::{Member, password, sign_in};

use crate::trail::{Told, call, leaves, leaves_nothing, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let member = member(stage).await;
    let client = &member.client;
    match method {
        "SessionService.RevokeSession" => {
            let ask = RevokeSessionRequest::default();
            let call = call!(SessionServiceClient.revoke_session(ask));
            stage.change(client, call).await;
            leaves(&["session_revoked"])
        }
        "SessionService.RevokeAllSessions" => {
            let ask = RevokeAllSessionsRequest::default();
            let call = call!(SessionServiceClient.revoke_all_sessions(ask));
            stage.change(client, call).await;
            leaves(&["all_sessions_revoked"])
        }
        "TokenService.CreateTokens" => {
            let ask = CreateTokensRequest::default();
            let call = call!(TokenServiceClient.create_tokens(ask));
            stage.step(client, call).await;
            leaves_nothing("the tokens are another form of the session, and end with it")
        }
        "TokenService.RefreshTokens" => {
            let ask = CreateTokensRequest::default();
            let mut tokens = TokenServiceClient::new(client.clone());
            let reply = tokens.create_tokens(ask).await.expect("tokens");
            let ask = RefreshTokensRequest {
                refresh_token: reply.into_inner().tokens.unwrap_or_default().refresh_token,
            };
            let call = call!(TokenServiceClient.refresh_tokens(ask));
            stage.step(&stage.suite.anyone(), call).await;
            leaves_nothing("using the tokens of a session is no change of it")
        }
        "TokenService.RotateSigningKeys" => {
            let ask = RotateSigningKeysRequest::default();
            let call = call!(TokenServiceClient.rotate_signing_keys(ask));
            stage.change(&stage.suite.operator().client, call).await;
            leaves(&["signing_keys_rotated"])
        }
        "DeviceService.RevokeDevice" => {
            let ask = ListDevicesRequest::default();
            let mut devices = DeviceServiceClient::new(client.clone());
            let reply = devices.list_devices(ask).await.expect("devices");
            let ask = RevokeDeviceRequest {
                user_id: member.user_id.clone(),
                device_id: reply.into_inner().devices[0].id.clone(),
                ..Default::default()
            };
            let call = call!(DeviceServiceClient.revoke_device(ask));
            stage.change(stage.admin(), call).await;
            leaves(&["device_revoked"])
        }
        "DeviceService.RevokeAllDevices" => {
            let ask = RevokeAllDevicesRequest {
                user_id: member.user_id.clone(),
                ..Default::default()
            };
            let call = call!(DeviceServiceClient.revoke_all_devices(ask));
            stage.change(stage.admin(), call).await;
            leaves(&["all_devices_revoked"])
        }
        _ => None,
    }
}

/// Somebody who is signed in.
async fn member(stage: &Stage<'_>) -> Member {
    let (email, secret) = (stage.email("member"), password());
    stage.company.user(&email, &secret).await;
    sign_in(&stage.suite.anyone(), &stage.company.name, &email, &secret)
        .await
        .expect("a login")
}
