//! What a person needs to know once everything runs.

use std::path::Path;

use super::first::{ADMIN, Credentials, TENANT};
use super::stack::Stack;
use crate::paths::Paths;
use crate::say::{self, Colour, paint};
use crate::tools;

pub(super) fn show(paths: &Paths, stack: &Stack) {
    let addresses = &stack.addresses;
    let grpcurl = match tools::grpcurl(paths) {
        Ok(program) => shown(paths, &program),
        Err(_) => "grpcurl".to_owned(),
    };
    say::heading("Usher runs");
    let none = "not caught: another mail server is used";
    let rows = [
        ("gateway", addresses.gateway.as_str()),
        (
            "operator",
            &format!("{} in tenant platform", stack.credentials.operator),
        ),
        ("", &format!("password {}", stack.credentials.password)),
        ("demo", &format!("{ADMIN} in tenant {TENANT}")),
        (
            "",
            &format!("password {}", stack.credentials.admin_password),
        ),
        ("mail", addresses.mail.as_deref().unwrap_or(none)),
        ("metrics", &format!("{}/metrics", addresses.operations)),
        ("postgres", addresses.postgres.as_str()),
        ("redis", addresses.redis.as_str()),
        ("logs", &shown(paths, &paths.dev("log"))),
    ];
    for (name, value) in rows {
        say::plain(format!("  {name:9} {value}"));
    }
    say::heading("Try");
    for line in lines(&grpcurl, stack) {
        say::plain(format!("  {line}\n"));
    }
    say::plain(paint(
        Colour::Dim,
        "Ctrl-C ends all of it. Warnings and errors of the services appear below.",
    ));
}

/// Lines to paste into a shell.
fn lines(grpcurl: &str, stack: &Stack) -> [String; 4] {
    let gateway = &stack.addresses.gateway;
    let Credentials {
        operator, password, ..
    } = &stack.credentials;
    let login = format!(
        r#"{grpcurl} -plaintext -d '{{"tenant":"platform","username":"{operator}","password":"{password}"}}' {gateway} usher.identity.v1.LoginService/Login"#
    );
    let token = format!(r#"$({login} | sed -n 's/.*"sessionToken": "\(.*\)".*/\1/p')"#);
    [
        format!("{grpcurl} -plaintext {gateway} list"),
        login,
        format!(
            r#"{grpcurl} -plaintext -H "authorization: Bearer {token}" {gateway} usher.identity.v1.UserService/ListUsers"#
        ),
        format!("target/debug/usherctl --gateway {gateway} login platform {operator}"),
    ]
}

/// As one would type it in the repository.
fn shown(paths: &Paths, path: &Path) -> String {
    path.strip_prefix(paths.root())
        .unwrap_or(path)
        .display()
        .to_string()
}
