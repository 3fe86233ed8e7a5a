//! B-21: what belongs to another tenant is not there.

use contract::Rule;
use prost::Message;
use prost_reflect::FieldDescriptor;
use testkit::{Client, call_raw};
use usher_tests::Suite;

use crate::{
    descriptors::{methods, path},
    plausible,
};

/// For every method that takes an id: an id of another tenant is answered as an
/// id that never was, to the letter.
#[tokio::test]
async fn b_21_foreign_ids_are_answered_as_unknown_ones() {
    let suite = Suite::start().await;
    let theirs = suite.company("theirs").await;
    let ours = suite.company("ours").await;
    let known = theirs.one_of_each().await;
    let mut tried = 0;
    for method in methods() {
        let path: &'static str = path(&method).leak();
        let rule = contract::method(path).and_then(|one| one.rule);
        let with_id: Vec<_> = method.input().fields().filter(holds_ids).collect();
        if matches!(rule, Some(Rule::Suite(_))) || with_id.is_empty() {
            continue;
        }
        tried += 1;
        let nowhere = |_: &FieldDescriptor| uuid::Uuid::new_v4().to_string();
        let foreign = |field: &FieldDescriptor| {
            let kind = field
                .name()
                .trim_end_matches("_ids")
                .trim_end_matches("_id");
            let kind = if kind.ends_with("user") { "user" } else { kind };
            known
                .get(kind)
                .unwrap_or_else(|| panic!("no foreign {kind} for {path}"))
                .clone()
        };
        let unknown = answer(
            &ours.admin.client,
            path,
            plausible::message(&method.input(), &nowhere),
        )
        .await;
        let other = answer(
            &ours.admin.client,
            path,
            plausible::message(&method.input(), &foreign),
        )
        .await;
        assert_eq!(
            other, unknown,
            "{path} tells a foreign id from an unknown one"
        );
    }
    assert!(tried >= 15, "only {tried} methods take an id");
    suite.stop().await;
}

fn holds_ids(field: &FieldDescriptor) -> bool {
    let name = field.name();
    let is_id = name != "request_id" && (name.ends_with("_id") || name.ends_with("_ids"));
    is_id
        || field
            .kind()
            .as_message()
            .is_some_and(|inner| inner.fields().any(|field| holds_ids(&field)))
}

/// The answer with the random parts taken out.
async fn answer(
    client: &Client,
    path: &'static str,
    message: prost_reflect::DynamicMessage,
) -> String {
    match call_raw(client, path, message.encode_to_vec()).await {
        Ok(reply) => format!("ok, {} bytes", reply.len()),
        Err(status) => format!(
            "{:?} {:?} {}",
            status.code(),
            testkit::refusal(&status).reason,
            status.message()
        ),
    }
}
