//! Writes what else the descriptors know: the method table, `Request`,
//! `Paged`, `Reason`, and the conversions of facts into each package's `Event`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
};

use crate::{Result, message_option, names, option};

const RULE: &str = "usher.access.v1.rule";
const CODE: &str = "usher.errors.v1.code";

/// The Rust file with all tables.
pub fn generate(pool: &DescriptorPool) -> Result<String> {
    let mut out = String::new();
    // The fields that access rules read, by request.
    let mut requests: BTreeMap<String, (MessageDescriptor, BTreeSet<String>)> = BTreeMap::new();
    writeln!(out, "pub(crate) static METHODS: &[Method] = &[")?;
    let methods = pool
        .services()
        .filter(|service| names::is_ours(service.package_name()));
    for (index, method) in methods
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .enumerate()
    {
        let read = &mut requests
            .entry(method.input().full_name().to_owned())
            .or_insert_with(|| (method.input(), BTreeSet::new()))
            .1;
        out += &entry(pool, &method, index, read)?;
    }
    writeln!(out, "];")?;
    for (message, read) in requests.values() {
        out += &request(message, read)?;
        out += &paged(message);
    }
    for of in pool
        .all_enums()
        .filter(|of| names::is_ours(of.package_name()) && of.name() == "ErrorReason")
    {
        out += &reasons(pool, &of)?;
    }
    for message in pool
        .all_messages()
        .filter(|message| names::is_ours(message.package_name()) && message.name() == "Event")
    {
        out += &events(&message)?;
    }
    Ok(out)
}

/// `pub use` of every package under the name of its area.
pub fn areas(pool: &DescriptorPool) -> Result<String> {
    let packages: BTreeSet<_> = pool
        .files()
        .map(|file| file.package_name().to_owned())
        .filter(|name| names::is_ours(name))
        .collect();
    let mut out = String::new();
    for package in packages {
        let area = package.split('.').nth(1).unwrap_or_default();
        let path = names::package(&package);
        writeln!(out, "#[doc(inline)]\npub use {path} as {area};")?;
    }
    Ok(out)
}

fn entry(
    pool: &DescriptorPool,
    method: &MethodDescriptor,
    index: usize,
    read: &mut BTreeSet<String>,
) -> Result<String> {
    let service = method.parent_service();
    let rule = match message_option(pool, &method.options(), RULE) {
        Some(rule) => format!("Some({})", access(method, &rule, read)?),
        None => "None".to_owned(),
    };
    let level = method
        .options()
        .get_field_by_name("idempotency_level")
        .and_then(|value| value.as_enum_number());
    let idempotency = match level {
        Some(1) => "NoSideEffects",
        Some(2) => "Idempotent",
        _ => "Unknown",
    };
    Ok(format!(
        "Method {{ path: \"/{}/{}\", package: {:?}, service: {:?}, name: {:?}, rule: {rule}, \
         idempotency: Idempotency::{idempotency}, input: {:?}, output: {:?}, client_streaming: {}, \
         server_streaming: {}, index: {index} }},\n",
        service.full_name(),
        method.name(),
        service.package_name(),
        service.full_name(),
        method.name(),
        method.input().full_name(),
        method.output().full_name(),
        method.is_client_streaming(),
        method.is_server_streaming(),
    ))
}

fn access(
    method: &MethodDescriptor,
    rule: &DynamicMessage,
    read: &mut BTreeSet<String>,
) -> Result<String> {
    let (kind, value) = rule
        .fields()
        .next()
        .ok_or_else(|| format!("{}: an empty access rule", method.full_name()))?;
    let text = |message: &DynamicMessage, name: &str| {
        message
            .get_field_by_name(name)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    Ok(match (kind.name(), value) {
        ("public", _) => "Rule::Public".to_owned(),
        ("signed_in", _) => "Rule::SignedIn".to_owned(),
        ("permission", Value::String(permission)) => format!("Rule::Permission({permission:?})"),
        ("self", Value::Message(own)) => {
            let name = text(own, "field");
            let field = method.input().get_field_by_name(&name).filter(|field| {
                field.kind() == Kind::String
                    && !field.is_list()
                    && field.containing_oneof().is_none()
            });
            let number = field
                .ok_or_else(|| format!("{}: no plain string field {name:?}", method.full_name()))?
                .number();
            read.insert(name.clone());
            format!(
                "Rule::Own {{ field: {name:?}, number: {number}, permission: {:?} }}",
                text(own, "permission")
            )
        }
        ("suite", Value::Message(suite)) => {
            let services = suite.get_field_by_name("services").map(Cow::into_owned);
            let services = services
                .as_ref()
                .and_then(Value::as_list)
                .unwrap_or_default();
            format!(
                "Rule::Suite(&{:?})",
                services
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
            )
        }
        _ => {
            return Err(format!(
                "{}: teach build/tables.rs this access rule",
                method.full_name()
            )
            .into());
        }
    })
}

fn request(message: &MessageDescriptor, read: &BTreeSet<String>) -> Result<String> {
    let mut out = format!("impl Request for {} {{\n", names::message(message));
    let id = message
        .get_field_by_name("request_id")
        .filter(|field| field.kind() == Kind::String && !field.supports_presence());
    if id.is_some() {
        writeln!(out, "fn request_id(&self) -> &str {{ &self.request_id }}")?;
    }
    if !read.is_empty() {
        writeln!(
            out,
            "fn subject(&self, field: &str) -> Option<&str> {{ match field {{"
        )?;
        for name in read {
            writeln!(out, "{name:?} => Some(&self.{}),", names::field(name))?;
        }
        writeln!(out, "_ => None }} }}")?;
    }
    out += "}\n";
    Ok(out)
}

/// `Paged`, where the request has the fields of a page.
fn paged(message: &MessageDescriptor) -> String {
    let has = |name, kind| {
        message
            .get_field_by_name(name)
            .is_some_and(|field| field.kind() == kind)
    };
    if !has("page_size", Kind::Uint32) || !has("page_token", Kind::String) {
        return String::new();
    }
    format!(
        "impl Paged for {} {{\n\
         fn page_size(&self) -> u32 {{ self.page_size }}\n\
         fn page_token(&self) -> &str {{ &self.page_token }}\n\
         fn of_any_page(&self) -> Self {{ Self {{ page_size: 0, page_token: String::new(), ..self.clone() }} }}\n}}\n",
        names::message(message),
    )
}

fn reasons(pool: &DescriptorPool, of: &EnumDescriptor) -> Result<String> {
    let (mut codes, mut texts) = (String::new(), String::new());
    for value in of.values() {
        let reason = value
            .name()
            .strip_prefix("ERROR_REASON_")
            .unwrap_or(value.name());
        writeln!(texts, "{} => {reason:?},", value.number())?;
        if value.number() == 0 {
            continue;
        }
        let code = option(pool, &value.options(), CODE).and_then(|code| code.as_enum_number());
        let code = code.ok_or_else(|| format!("{} has no gRPC code", value.full_name()))?;
        writeln!(
            codes,
            "{} => tonic::Code::from_i32({code}),",
            value.number()
        )?;
    }
    Ok(format!(
        "impl Reason for {} {{\nconst DOMAIN: &'static str = {:?};\n\
         fn code(self) -> tonic::Code {{ match self as i32 {{ {codes} _ => tonic::Code::Unknown }} }}\n\
         fn name(self) -> &'static str {{ match self as i32 {{ {texts} _ => \"UNSPECIFIED\" }} }}\n}}\n",
        names::enumeration(of),
        of.package_name(),
    ))
}

/// `From` for each fact that an `Event` can carry.
fn events(event: &MessageDescriptor) -> Result<String> {
    let mut out = String::new();
    let path = names::message(event);
    for oneof in event.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let field = names::field(oneof.name());
        let kind = names::oneof(&oneof);
        for member in oneof.fields() {
            let Kind::Message(fact) = member.kind() else {
                continue;
            };
            let (fact, variant) = (names::message(&fact), names::variant(&member));
            writeln!(
                out,
                "impl From<{fact}> for {path} {{ fn from(fact: {fact}) -> Self {{ Self {{ {field}: Some({kind}::{variant}(fact)) }} }} }}"
            )?;
        }
    }
    Ok(out)
}
