//! Passwords that are changed and mailed.

use contract::identity::{
    ChangeExpiredPasswordRequest, ChangePasswordRequest, CreateUserRequest, FirstPassword,
    ResendPasswordRequest, SendPasswordResetRequest, login_service_client::LoginServiceClient,
    password_service_client::PasswordServiceClient, user_service_client::UserServiceClient,
};
use testkit::until;
use usher_tests::{password, sign_in, token_mailed_to};

use super::flow;
use crate::trail::{Told, call, leaves, stage::Stage};

pub async fn tell(stage: &Stage<'_>, method: &str) -> Option<Told> {
    let admin = stage.admin();
    let (email, secret) = (stage.email("user"), password());
    match method {
        "PasswordService.ChangePassword" => {
            stage.company.user(&email, &secret).await;
            let anyone = stage.suite.anyone();
            let member = sign_in(&anyone, &stage.company.name, &email, &secret).await;
            let ask = ChangePasswordRequest {
                current_password: secret,
                new_password: password(),
                ..Default::default()
            };
            let call = call!(PasswordServiceClient.change_password(ask));
            stage.change(&member.expect("a login").client, call).await;
            leaves(&["password_changed"])
        }
        "PasswordService.SendPasswordReset" => {
            let ask = SendPasswordResetRequest {
                user_id: stage.company.user(&email, &secret).await,
                ..Default::default()
            };
            let call = call!(PasswordServiceClient.send_password_reset(ask));
            stage.change(admin, call).await;
            token_mailed_to(&stage.suite.mails(), &email).await;
            leaves(&["password_reset_requested"])
        }
        "PasswordService.ResendPassword" => {
            let ask = ResendPasswordRequest {
                user_id: temporary(stage).await,
                ..Default::default()
            };
            let call = call!(PasswordServiceClient.resend_password(ask));
            stage.change(admin, call).await;
            mailed(stage, 2).await;
            leaves(&["temporary_password_requested"])
        }
        "LoginService.ChangeExpiredPassword" => {
            temporary(stage).await;
            let flow_token = flow(stage, &mailed(stage, 1).await, false).await;
            let ask = ChangeExpiredPasswordRequest {
                flow_token,
                new_password: password(),
            };
            let call = call!(LoginServiceClient.change_expired_password(ask));
            stage.change(&stage.suite.anyone(), call).await;
            leaves(&["login_succeeded", "password_changed"])
        }
        _ => None,
    }
}

/// Creates a user with a temporary password, which is mailed; answers the id.
async fn temporary(stage: &Stage<'_>) -> String {
    let ask = CreateUserRequest {
        first_name: "Ute".into(),
        last_name: "User".into(),
        email: stage.email("user"),
        first_password: FirstPassword::GeneratedAndSent.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(stage.admin().clone());
    let made = users.create_user(ask).await.expect("a user").into_inner();
    mailed(stage, 1).await;
    made.user.expect("a user").id
}

/// The password in the last of so many mails.
async fn mailed(stage: &Stage<'_>, count: usize) -> String {
    until("the mail", || async {
        let mails = stage.suite.mails().to(&stage.email("user")).await;
        let mails = mails.expect("mails");
        let line = |text: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix("    ").map(|line| line.trim().to_owned()))
        };
        (mails.len() == count).then(|| line(&mails[count - 1].text).expect("a password"))
    })
    .await
}
