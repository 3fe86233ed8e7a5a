//! What prost calls the things of a .proto file.

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor, OneofDescriptor};

/// Whether a package is one of this repository.
pub fn is_ours(package: &str) -> bool {
    package.starts_with("usher.")
}

/// The Rust path of a package.
pub fn package(package: &str) -> String {
    format!("crate::pb::{}", package.replace('.', "::"))
}

/// The Rust path of a message.
pub fn message(message: &MessageDescriptor) -> String {
    format!(
        "{}::{}",
        scope(message.package_name(), message.parent_message()),
        camel(message.name())
    )
}

/// The Rust path of an enum.
pub fn enumeration(of: &EnumDescriptor) -> String {
    format!(
        "{}::{}",
        scope(of.package_name(), of.parent_message()),
        camel(of.name())
    )
}

/// The Rust path of the enum that stands for a oneof.
pub fn oneof(of: &OneofDescriptor) -> String {
    let inside = scope(
        of.parent_message().package_name(),
        Some(of.parent_message().clone()),
    );
    format!("{inside}::{}", camel(of.name()))
}

/// The variant of such an enum.
pub fn variant(field: &FieldDescriptor) -> String {
    camel(field.name())
}

/// A field, or the field that holds a oneof.
pub fn field(name: &str) -> String {
    let name = name.to_snake_case();
    match name.as_str() {
        "as" | "async" | "await" | "break" | "const" | "continue" | "dyn" | "else" | "enum"
        | "extern" | "false" | "fn" | "for" | "gen" | "if" | "impl" | "in" | "let" | "loop"
        | "match" | "mod" | "move" | "mut" | "pub" | "ref" | "return" | "static" | "struct"
        | "trait" | "true" | "try" | "type" | "union" | "unsafe" | "use" | "where" | "while"
        | "abstract" | "become" | "box" | "do" | "final" | "macro" | "override" | "priv"
        | "typeof" | "unsized" | "virtual" | "yield" => format!("r#{name}"),
        "self" | "super" | "crate" | "extern_crate" => format!("{name}_"),
        _ => name,
    }
}

/// A type or variant.
fn camel(name: &str) -> String {
    let name = name.to_upper_camel_case();
    if name == "Self" {
        "Self_".to_owned()
    } else {
        name
    }
}

/// The module in which prost puts what is declared there.
fn scope(of_package: &str, parent: Option<MessageDescriptor>) -> String {
    let mut modules = Vec::new();
    let mut outer = parent;
    while let Some(message) = outer {
        modules.push(field(message.name()));
        outer = message.parent_message();
    }
    modules.push(package(of_package));
    modules.reverse();
    modules.join("::")
}
