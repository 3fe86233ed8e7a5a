//! Second factors, in a login and while signed in.

use contract::identity::{
    CreateRecoveryCodesRequest, FactorKind, FinishTotpEnrolmentRequest, ReauthenticateRequest,
    RemoveFactorRequest, ResetFactorsRequest, StartTotpEnrolmentRequest, VerifyRecoveryCodeRequest,
    factor_service_client::FactorServiceClient, login_service_client::LoginServiceClient,
};
use testkit::{Authenticator, Client};
use usher_tests::{password, sign_in};

use super::flow;
use crate::trail::{Told, call, leaves, leaves_nothing, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    if method.contains("Sms") || method == "FactorService.SendReauthenticationCode" {
        return leaves_nothing("nothing is sent without a provider; see journeys/sms.rs");
    }
    let (email, secret) = (stage.email("user"), password());
    let user_id = stage.company.user(&email, &secret).await;
    let anyone = stage.suite.anyone();
    let member = sign_in(&anyone, &stage.company.name, &email, &secret).await;
    let client = member.expect("signed in").client;
    let again = ReauthenticateRequest {
        password: secret.clone(),
        ..Default::default()
    };
    if method == "FactorService.Reauthenticate" {
        stage
            .change(&client, call!(FactorServiceClient.reauthenticate(again)))
            .await;
        return leaves(&["reauthenticated"]);
    }
    let mut factors = FactorServiceClient::new(client.clone());
    factors.reauthenticate(again).await.expect("the password");
    match method {
        "FactorService.StartTotpEnrolment" => {
            start(stage, &client).await;
            leaves_nothing("the secret counts once it is confirmed")
        }
        "FactorService.FinishTotpEnrolment" => {
            enrol(stage, &client).await;
            leaves(&["totp_enrolled"])
        }
        "FactorService.RemoveFactor" => {
            enrol(&stage.before(), &client).await;
            let ask = RemoveFactorRequest {
                kind: FactorKind::Totp.into(),
                ..Default::default()
            };
            stage
                .change(&client, call!(FactorServiceClient.remove_factor(ask)))
                .await;
            leaves(&["factor_removed"])
        }
        "FactorService.CreateRecoveryCodes" => {
            enrol(&stage.before(), &client).await;
            let ask = CreateRecoveryCodesRequest::default();
            let call = call!(FactorServiceClient.create_recovery_codes(ask));
            stage.change(&client, call).await;
            leaves(&["recovery_codes_created"])
        }
        "FactorService.ResetFactors" => {
            enrol(&stage.before(), &client).await;
            let ask = ResetFactorsRequest {
                user_id,
                ..Default::default()
            };
            stage
                .change(stage.admin(), call!(FactorServiceClient.reset_factors(ask)))
                .await;
            leaves(&["factors_reset"])
        }
        "LoginService.VerifyRecoveryCode" => {
            let codes = enrol(&stage.before(), &client).await;
            let ask = VerifyRecoveryCodeRequest {
                flow_token: flow(stage, &secret, false).await,
                recovery_code: codes.first().cloned().unwrap_or_default(),
            };
            let call = call!(LoginServiceClient.verify_recovery_code(ask));
            stage.change(&anyone, call).await;
            leaves(&["login_succeeded", "recovery_code_used"])
        }
        _ => None,
    }
}

async fn start(stage: &Stage<'_>, client: &Client) -> Authenticator {
    let ask = StartTotpEnrolmentRequest::default();
    let call = call!(FactorServiceClient.start_totp_enrolment(ask));
    Authenticator::scan(&stage.step(client, call).await.otpauth_uri)
}

/// Enrols an authenticator; the recovery codes.
async fn enrol(stage: &Stage<'_>, client: &Client) -> Vec<String> {
    let ask = FinishTotpEnrolmentRequest {
        code: start(&stage.before(), client).await.code(0),
        ..Default::default()
    };
    let call = call!(FactorServiceClient.finish_totp_enrolment(ask));
    stage.change(client, call).await.recovery_codes
}
