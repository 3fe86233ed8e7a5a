//! What a tenant asks of its users.

use contract::identity::{
    GetPolicyRequest, MfaPolicy, PasswordPolicy, Policy, UpdatePolicyRequest,
    policy_service_client::PolicyServiceClient,
};
use prost_types::{Duration, FieldMask};
use testkit::Client;
use tonic::Status;
use usher_tests::{Suite, password, sign_in};

use crate::assert_refused;

async fn get(client: &Client) -> Policy {
    let mut policies = PolicyServiceClient::new(client.clone());
    let reply = policies.get_policy(GetPolicyRequest {}).await;
    reply.unwrap().into_inner().policy.expect("a policy")
}

pub async fn update(
    client: &Client,
    policy: &Policy,
    paths: &[&str],
    etag: &str,
) -> Result<Policy, Status> {
    let ask = UpdatePolicyRequest {
        policy: Some(policy.clone()),
        update_mask: Some(FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        etag: etag.into(),
        ..Default::default()
    };
    let mut policies = PolicyServiceClient::new(client.clone());
    let reply = policies.update_policy(ask).await?;
    Ok(reply.into_inner().policy.expect("a policy"))
}

#[tokio::test]
async fn p_05_a_policy_begins_with_the_documented_defaults_and_changes_by_mask() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let first = get(admin).await;
    let password = first.password.expect("of passwords");
    assert_eq!(
        (
            password.min_length,
            password.min_strength,
            password.generated_length
        ),
        (8, 2, 16)
    );
    assert!(!password.breached_allowed);
    let session = first.session.expect("of sessions");
    assert_eq!(
        session.idle_timeout,
        Some(Duration {
            seconds: 8 * 3600,
            nanos: 0
        })
    );
    assert_eq!(
        first.factor.clone().expect("of factors").mfa_policy(),
        MfaPolicy::Optional
    );

    let asked = Policy {
        password: Some(PasswordPolicy {
            min_length: 20,
            history_length: 3,
            ..Default::default()
        }),
        ..Default::default()
    };
    let changed = update(admin, &asked, &["password.min_length"], &first.etag)
        .await
        .unwrap();
    let password = changed.password.expect("of passwords");
    assert_eq!((password.min_length, password.history_length), (20, 0));
    assert_eq!(changed.lockout, first.lockout);
    assert_ne!(changed.etag, first.etag);

    let refusal = assert_refused!(
        update(admin, &asked, &["password.history_length"], &first.etag).await,
        "ETAG_MISMATCH"
    );
    assert_eq!(refusal.metadata.get("etag"), Some(&changed.etag));
    assert_eq!(get(admin).await, changed);
    suite.stop().await;
}

#[tokio::test]
async fn p_05_a_policy_out_of_its_ranges_is_refused_and_changes_nothing() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let admin = &acme.admin.client;
    let first = get(admin).await;
    for path in [
        "password.min_length",
        "password.generated_length",
        "lockout.max_attempts",
        "lockout.window",
        "lockout.max_attempts_per_address",
        "factor.mfa_policy",
        "session.idle_timeout",
        "session.max_lifetime",
        "session",
    ] {
        // Nothing is set, which for these is out of the range.
        let refusal = assert_refused!(
            update(admin, &Policy::default(), &[path], "").await,
            "FIELD_INVALID"
        );
        let field = &refusal.fields[0];
        assert!(
            field.starts_with(&format!("policy.{path}")),
            "{path}: {field}"
        );
    }
    for path in ["etag", "password.min", "nothing", ""] {
        let refused = update(admin, &first, &[path], "").await;
        let refusal = assert_refused!(refused, "FIELD_INVALID");
        assert_eq!(refusal.fields, ["update_mask"]);
    }
    assert_eq!(get(admin).await, first);
    suite.stop().await;
}

#[tokio::test]
async fn p_05_only_who_may_change_the_tenant_changes_its_policy() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let secret = password();
    acme.user("eve@acme.example", &secret).await;
    let eve = sign_in(&suite.anyone(), "acme", "eve@acme.example", &secret)
        .await
        .unwrap();
    let policy = get(&eve.client).await;
    assert_refused!(
        update(&eve.client, &policy, &["session"], "").await,
        "PERMISSION_DENIED"
    );
    suite.stop().await;
}
