//! The link of a mail with which a password is reset.

use contract::identity::{
    RequestPasswordResetRequest, ResetPasswordRequest, event::Kind,
    login_service_client::LoginServiceClient,
};
use usher_tests::{password, sign_in, token_mailed_to};

use super::{attempt, raced, told, world};

#[tokio::test]
async fn b_15_a_reset_link_is_good_once_whenever_identity_is_killed() {
    let (mut world, once) = world().await;
    let mut won = 0;
    for table in ["passwords", "sessions", "outbox", "reset_tokens"] {
        let (email, old) = (format!("reset.{table}@once.example"), password());
        let user = once.user(&email, &old).await;
        let before = sign_in(&once.anyone, "once", &email, &old).await;
        before.expect("a login");
        let mut logins = LoginServiceClient::new(once.anyone.clone());
        let ask = RequestPasswordResetRequest {
            tenant: "once".into(),
            username: email.clone(),
        };
        logins.request_password_reset(ask).await.expect("a mail");
        let token = token_mailed_to(&world.mails(), &email).await;
        let new = password();
        let ask = ResetPasswordRequest {
            token,
            password: new.clone(),
        };
        let attempt = attempt(move || {
            let (mut logins, ask) = (logins.clone(), ask.clone());
            async move { logins.reset_password(ask).await.is_ok() }
        });
        let facts = "
            (SELECT count(*) FROM identity.reset_tokens WHERE user_id = $1 AND use_time IS NOT NULL),
            (SELECT 1 - count(*) FROM identity.sessions WHERE user_id = $1)";
        won += raced(&mut world, &attempt, table, (facts, &user)).await;
        let changed = |kind| match kind {
            Kind::PasswordChanged(changed) => Some(changed.user_id),
            _ => None,
        };
        assert_eq!(told(&world, &user, changed).await, 1);
        let anyone = world.anyone();
        sign_in(&anyone, "once", &email, &new)
            .await
            .expect("the new password");
        sign_in(&anyone, "once", &email, &old)
            .await
            .expect_err("the old password");
    }
    assert!(won > 0, "nobody ever heard of a success");
    world.end().await;
}
