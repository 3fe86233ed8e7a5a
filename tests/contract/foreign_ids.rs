//! B-21: what belongs to another tenant is not there.

use std::collections::BTreeMap;

use contract::Rule;
use prost::Message;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    ReflectMessage as _, Value,
};
use testkit::{Client, call_raw};
use usher_tests::{Company, Suite};

use crate::{
    descriptors::{methods, path},
    plausible,
};

/// One of each thing that a field can name, by kind.
type Known = BTreeMap<&'static str, String>;

/// Where ids of our own are answered as unknown ones, because they narrow a list
/// in which nothing is left, are only kept, or because nobody was deleted and the
/// user was not invited.
const ALIKE: [&str; 12] = [
    "authorization.v1.AccessService/BatchCheck",
    "authorization.v1.AccessService/Check",
    "identity.v1.AuditService/ExportAuditRecords",
    "identity.v1.AuditService/ListAuditRecords",
    "identity.v1.AuditService/WatchAuditRecords",
    "identity.v1.BulkService/CreateBulkOperation",
    "identity.v1.ErasureService/GetErasure",
    "identity.v1.PolicyService/UpdatePolicy",
    "identity.v1.UserService/CreateUser",
    "identity.v1.UserService/ListUsers",
    "invitation.v1.InvitationService/ResendUserInvitation",
    "invitation.v1.MailService/ListMails",
];

/// For every method and every field in it that holds an id: an id of another
/// tenant is answered as an id that never was, to the letter, while all other
/// fields hold our own.
#[tokio::test]
async fn b_21_foreign_ids_are_answered_as_unknown_ones() {
    let suite = Suite::start().await;
    let theirs = suite.company("theirs").await.one_of_each().await;
    let company = suite.company("ours").await;
    let ours = company.one_of_each().await;
    let mut refused = BTreeMap::new();
    let mut tried = 0;
    for method in callable() {
        for field in id_fields(&method.input()) {
            tried += 1;
            let ask = async |id: String| {
                let ids = |one: &FieldDescriptor| {
                    if *one == field {
                        id.clone()
                    } else {
                        known(&ours, one)
                    }
                };
                let message = plausible::message(&method.input(), &ids);
                answer(&company, &method, message).await
            };
            let unknown = ask(uuid::Uuid::new_v4().to_string()).await;
            let foreign = ask(known(&theirs, &field)).await;
            assert_eq!(
                foreign,
                unknown,
                "{} tells a foreign {} from an unknown one",
                path(&method),
                field.full_name()
            );
            refused.insert(path(&method), (method.clone(), unknown));
        }
    }
    assert!(tried >= 25, "only {tried} fields hold an id");
    control(&company, &ours, refused).await;
    suite.stop().await;
}

/// With ids of our own alone the answer is another: what was refused above was
/// the id, not the rest of the message, and not the caller.
async fn control(
    company: &Company,
    ours: &Known,
    refused: BTreeMap<String, (MethodDescriptor, String)>,
) {
    // What takes things away comes last.
    let (gentle, rough): (Vec<_>, Vec<_>) = refused.into_values().partition(|(method, _)| {
        let name = method.name();
        ["Delete", "Remove", "Revoke", "Cancel", "Disable"]
            .iter()
            .all(|verb| !name.starts_with(verb))
    });
    let mut alike = same(company, ours, gentle).await;
    alike.retain(|path| !ALIKE.contains(&path.trim_start_matches("/usher.")));
    assert!(alike.is_empty(), "own ids change nothing: {alike:?}");
    // Some stumble over what an earlier one took away.
    let all = rough.len();
    let alike = same(company, ours, rough).await;
    assert!(alike.len() * 2 <= all, "own ids change nothing: {alike:?}");
}

/// The methods that answer our own ids as they answered unknown ones.
async fn same(
    company: &Company,
    ours: &Known,
    methods: Vec<(MethodDescriptor, String)>,
) -> Vec<String> {
    let mut alike = Vec::new();
    for (method, unknown) in methods {
        let ids = |one: &FieldDescriptor| known(ours, one);
        let message = plausible::message(&method.input(), &ids);
        if answer(company, &method, message).await == unknown {
            alike.push(path(&method));
        }
    }
    alike
}

/// Every method that a person may call.
fn callable() -> Vec<MethodDescriptor> {
    let mut methods = methods();
    methods.retain(|method| {
        let rule = contract::method(&path(method)).and_then(|one| one.rule);
        !matches!(rule, Some(Rule::Suite(_)))
    });
    methods
}

/// Every field that holds an id, in the message and in those inside it.
fn id_fields(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut found = Vec::new();
    for field in message.fields() {
        let name = field.name();
        if name != "request_id" && (name.ends_with("_id") || name.ends_with("_ids")) {
            found.push(field);
        } else if let Some(inner) = field.kind().as_message() {
            found.extend(id_fields(inner));
        }
    }
    found
}

/// The id of what a field names.
fn known(known: &Known, field: &FieldDescriptor) -> String {
    let name = field.name();
    let kind = name.trim_end_matches("_ids").trim_end_matches("_id");
    let kind = ["user", "role"]
        .into_iter()
        .find(|one| kind.ends_with(one))
        .unwrap_or(kind);
    known
        .get(kind)
        .unwrap_or_else(|| panic!("nobody has a {kind} for {}", field.full_name()))
        .clone()
}

/// Who may call the method: licences are the operator's.
fn caller<'a>(company: &'a Company, method: &MethodDescriptor) -> &'a Client {
    if method.full_name().starts_with("usher.licensing.") {
        &company.operator
    } else {
        &company.admin.client
    }
}

/// The answer with the random parts taken out.
async fn answer(company: &Company, method: &MethodDescriptor, message: DynamicMessage) -> String {
    let client = caller(company, method);
    match call_raw(client, path(method).leak(), message.encode_to_vec()).await {
        Ok(reply) => {
            let mut reply = DynamicMessage::decode(method.output(), reply).expect("a reply");
            forget_times(&mut reply);
            format!("ok, {} bytes", reply.encoded_len())
        }
        Err(status) => format!(
            "{:?} {:?} {}",
            status.code(),
            testkit::refusal(&status).reason,
            status.message()
        ),
    }
}

/// Takes the times out, which take more bytes at some moments than at others.
fn forget_times(message: &mut DynamicMessage) {
    for field in message.descriptor().fields() {
        let Kind::Message(inner) = field.kind() else {
            continue;
        };
        if inner.full_name() == "google.protobuf.Timestamp" {
            message.clear_field(&field);
        } else if message.has_field(&field) {
            match message.get_field_mut(&field) {
                Value::Message(inner) => forget_times(inner),
                Value::List(list) => list
                    .iter_mut()
                    .filter_map(Value::as_message_mut)
                    .for_each(forget_times),
                _ => {}
            }
        }
    }
}
