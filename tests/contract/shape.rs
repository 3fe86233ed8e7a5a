//! The shape of messages: bounds, pages, ids, reasons.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind};

use crate::descriptors::{POOL, has, methods, part, request_messages, rules};

#[test]
fn every_string_and_repeated_field_of_a_request_has_a_bound() {
    let unbounded: Vec<_> = request_messages()
        .iter()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter(|field| !is_bounded(field))
        .map(|field| field.full_name().to_owned())
        .collect();
    assert!(unbounded.is_empty(), "no bound: {unbounded:?}");
}

#[test]
fn every_id_of_a_request_is_a_uuid() {
    let loose: Vec<_> = request_messages()
        .iter()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter(|field| field.name().ends_with("_id") || field.name().ends_with("_ids"))
        .filter(|field| !is_uuid(field))
        .map(|field| field.full_name().to_owned())
        .collect();
    assert!(loose.is_empty(), "not told to be a UUID: {loose:?}");
}

/// B-42: what the suite finds out by a proof, nobody says in a request.
#[test]
fn b_42_no_request_says_what_only_a_proof_can() {
    let found_out = [
        "verified",
        "verify_time",
        "email_verified",
        "setup_time",
        "assurance_level",
        "last_login_time",
    ];
    let told: Vec<_> = request_messages()
        .iter()
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter(|field| found_out.contains(&field.name()))
        .map(|field| field.full_name().to_owned())
        .collect();
    assert!(told.is_empty(), "a request may claim it: {told:?}");
    // They are what replies call it.
    let replies = ["usher.identity.v1.User", "usher.identity.v1.Domain"];
    for reply in replies {
        let message = POOL.get_message_by_name(reply).expect(reply);
        assert!(message.get_field_by_name("verified").is_some(), "{reply}");
    }
}

#[test]
fn every_list_pages() {
    let lists = methods()
        .into_iter()
        .filter(|method| method.name().starts_with("List"));
    for method in lists {
        let name = method.full_name().to_owned();
        for field in ["page_size", "page_token"] {
            assert!(
                method.input().get_field_by_name(field).is_some(),
                "{name} takes no {field}"
            );
        }
        for field in ["next_page_token", "previous_page_token", "total_size"] {
            assert!(
                method.output().get_field_by_name(field).is_some(),
                "{name} answers no {field}"
            );
        }
    }
}

#[test]
fn every_reason_has_a_code() {
    let code = POOL
        .get_extension_by_name("usher.errors.v1.code")
        .expect("the option");
    let mut enums = 0;
    for reasons in POOL.all_enums().filter(|one| one.name() == "ErrorReason") {
        enums += 1;
        for value in reasons.values().filter(|value| value.number() != 0) {
            assert!(
                value.options().has_extension(&code),
                "{} has no code",
                value.full_name()
            );
        }
    }
    assert!(enums >= 6, "only {enums} packages tell reasons");
}

#[test]
fn every_rpc_has_a_request_and_a_response_of_its_own() {
    for method in methods() {
        assert_eq!(method.input().name(), format!("{}Request", method.name()));
        assert_eq!(method.output().name(), format!("{}Response", method.name()));
    }
}

fn is_bounded(field: &FieldDescriptor) -> bool {
    let rules = rules(field);
    let list = rules.as_ref().and_then(|rules| part(rules, "repeated"));
    if field.is_list() && !list.as_ref().is_some_and(|list| has(list, "max_items")) {
        return false;
    }
    let text = if field.is_list() {
        list.and_then(|list| part(&list, "items"))
            .and_then(|items| part(&items, "string"))
    } else {
        rules.as_ref().and_then(|rules| part(rules, "string"))
    };
    match field.kind() {
        Kind::String => text.is_some_and(|text| is_bounded_text(&text)),
        Kind::Bytes => rules
            .and_then(|rules| part(&rules, "bytes"))
            .is_some_and(|bytes| has(&bytes, "max_len")),
        _ => true,
    }
}

fn is_bounded_text(text: &DynamicMessage) -> bool {
    ["max_len", "len", "uuid", "in"].iter().any(|rule| has(text, rule))
        // A pattern that bounds the length says so with a counted repetition.
        || text.get_field_by_name("pattern").is_some_and(|pattern| pattern.as_str().is_some_and(|p| p.ends_with("}$")))
}

fn is_uuid(field: &FieldDescriptor) -> bool {
    let rules = rules(field);
    let text = if field.is_list() {
        rules
            .and_then(|rules| part(&rules, "repeated"))
            .and_then(|list| part(&list, "items"))
    } else {
        rules
    };
    text.and_then(|rules| part(&rules, "string"))
        .is_some_and(|text| has(&text, "uuid"))
}
