//! What only the first start does: the platform's tenant and operator, the demo tenant.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::Outcome;
use crate::json;
use crate::paths::Paths;
use crate::run;
use crate::say::Step;
use crate::secrets::write_private;
use crate::state::Addresses;

/// The first operator: who may do everything on the platform.
const OPERATOR: &str = "operator@usher.test";

/// Who can log in from the start. Kept in `.dev/credentials.json`.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Credentials {
    pub(super) fn none() -> Self {
        Self {
            email: String::new(),
            password: String::new(),
        }
    }

    pub(crate) fn kept(paths: &Paths) -> Option<Self> {
        let text = fs::read_to_string(paths.dev("credentials.json")).ok()?;
        Some(Self {
            email: json::string(&text, "email")?,
            password: json::string(&text, "password")?,
        })
    }
}

pub(super) fn steps(paths: &Paths, usherctl: &Path, addresses: &Addresses) -> Outcome<Credentials> {
    if let Some(kept) = Credentials::kept(paths) {
        return Ok(kept);
    }
    let step = Step::quick("platform tenant, first operator");
    let mut bootstrap = Command::new(usherctl);
    bootstrap
        .args(["bootstrap", "--email", OPERATOR, "--output", "json"])
        .env("USHER_POSTGRES_URL", &addresses.postgres);
    let told = run::output(&mut bootstrap)?;
    let password = json::string(&told, "password").unwrap_or_default();
    let credentials = Credentials {
        email: OPERATOR.to_owned(),
        password,
    };
    let text = json::object(&[
        ("email", &credentials.email),
        ("password", &credentials.password),
    ]);
    write_private(&paths.dev("credentials.json"), &text)?;
    step.done();
    Ok(credentials)
}
