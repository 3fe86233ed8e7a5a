//! What a person needs to know once everything runs.

use std::path::Path;

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
        ("operator", stack.credentials.email.as_str()),
        ("password", stack.credentials.password.as_str()),
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
fn lines(grpcurl: &str, stack: &Stack) -> [String; 3] {
    let gateway = &stack.addresses.gateway;
    let login = format!(
        "{grpcurl} -plaintext -d '{{\"email\":\"{}\",\"password\":\"{}\"}}' {gateway} usher.identity.v1.LoginService/LogIn",
        stack.credentials.email, stack.credentials.password,
    );
    [
        format!("{grpcurl} -plaintext {gateway} list"),
        login.clone(),
        format!(
            "{grpcurl} -plaintext -H \"authorization: Bearer $({login} | sed -n 's/.*\"sessionToken\": \"\\(.*\\)\".*/\\1/p')\" \
             {gateway} usher.identity.v1.UserService/ListUsers"
        ),
    ]
}

/// As one would type it in the repository.
fn shown(paths: &Paths, path: &Path) -> String {
    path.strip_prefix(paths.root())
        .unwrap_or(path)
        .display()
        .to_string()
}
