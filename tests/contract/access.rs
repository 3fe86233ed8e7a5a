//! Who may call what.

use contract::Rule;
use testkit::{call_raw, refusal};
use tonic::Code;
use usher_tests::Suite;

use crate::descriptors::{methods, path};

#[test]
fn every_method_has_an_access_rule() {
    let open: Vec<_> = contract::methods()
        .iter()
        .filter(|method| method.rule.is_none())
        .map(|one| one.path)
        .collect();
    assert!(open.is_empty(), "no access rule: {open:?}");
    assert_eq!(contract::methods().len(), methods().len());
}

#[tokio::test]
async fn no_method_is_reachable_without_its_rule() {
    let suite = Suite::start().await;
    let stranger = suite.anyone();
    for method in contract::methods() {
        let answer = call_raw(&stranger, method.path, Vec::new()).await;
        let code = answer.as_ref().err().map_or(Code::Ok, tonic::Status::code);
        match method.rule {
            Some(Rule::Public) => assert_ne!(code, Code::PermissionDenied, "{}", method.path),
            // The gateway does not know these, whoever asks.
            Some(Rule::Suite(_)) => assert_eq!(code, Code::Unimplemented, "{}", method.path),
            _ => {
                assert_eq!(code, Code::Unauthenticated, "{}", method.path);
                let refused = refusal(&answer.expect_err("just seen"));
                assert_eq!(refused.reason, "CREDENTIAL_MISSING", "{}", method.path);
            }
        }
    }
    suite.stop().await;
}

#[tokio::test]
async fn a_user_without_roles_may_do_nothing_to_others() {
    let suite = Suite::start().await;
    let company = suite.company("lattice").await;
    let nobody = company.member_without_roles("nobody@lattice.example").await;
    for method in methods() {
        let path: &'static str = path(&method).leak();
        if !matches!(
            contract::method(path).and_then(|one| one.rule),
            Some(Rule::Permission(_))
        ) {
            continue;
        }
        // An empty message: who may call is decided before the message is read.
        let refused = call_raw(&nobody.client, path, Vec::new())
            .await
            .expect_err(path);
        assert_eq!(
            refusal(&refused).reason,
            "PERMISSION_DENIED",
            "{path}: {refused:?}"
        );
    }
    suite.stop().await;
}
