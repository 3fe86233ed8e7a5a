//! What only the first start does: the platform's tenant with its operator, and a demo tenant with
//! an admin, projects and an invitation under way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::json;
use crate::paths::Paths;
use crate::run;
use crate::say::{self, Step};
use crate::secrets::{Secrets, sha256, write_private};
use crate::state::Addresses;

/// The first operator: who may do everything on the platform.
const OPERATOR: &str = "operator@usher.example";
/// The demo tenant and its admin.
pub(super) const TENANT: &str = "demo";
pub(super) const ADMIN: &str = "dana@demo.example";
/// Somebody with an invitation in the mail catcher.
const INVITEE: &str = "ines@demo.example";

/// Who can log in from the start. Kept in `.dev/credentials.json`, or beside it for each Postgres
/// that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The operator's username.
    pub(crate) operator: String,
    pub(crate) password: String,
    /// The password of the demo tenant's admin.
    pub(super) admin_password: String,
}

impl Credentials {
    pub(super) fn none() -> Self {
        Self {
            operator: String::new(),
            password: String::new(),
            admin_password: String::new(),
        }
    }

    /// Those of the installation in this Postgres.
    pub(crate) fn kept(paths: &Paths, given_postgres: Option<&str>) -> Option<Self> {
        let text = fs::read_to_string(file(paths, given_postgres)).ok()?;
        let field = |name| json::string(&text, name);
        Some(Self {
            operator: field("operator")?,
            password: field("password")?,
            admin_password: field("admin_password")?,
        })
    }

    fn keep(&self, paths: &Paths, given_postgres: Option<&str>) -> Outcome {
        let text = json::object(&[
            ("operator", &self.operator),
            ("password", &self.password),
            ("tenant", TENANT),
            ("admin", ADMIN),
            ("admin_password", &self.admin_password),
        ]);
        write_private(&file(paths, given_postgres), &text)
    }
}

fn file(paths: &Paths, given_postgres: Option<&str>) -> PathBuf {
    paths.dev(&match given_postgres {
        None => "credentials.json".to_owned(),
        Some(url) => format!("credentials-{}.json", &sha256(url.as_bytes())[..12]),
    })
}

/// What the steps of a first start work with.
pub(super) struct First<'a> {
    pub(super) paths: &'a Paths,
    pub(super) usherctl: &'a Path,
    pub(super) addresses: &'a Addresses,
    pub(super) given_postgres: Option<&'a str>,
}

impl First<'_> {
    /// Does them, unless an earlier start did. Each can be repeated: a start that was cut short
    /// ends where the next one begins.
    pub(super) fn steps(&self, secrets: &mut Secrets) -> Outcome<Credentials> {
        if let Some(kept) = Credentials::kept(self.paths, self.given_postgres) {
            return Ok(kept);
        }
        let credentials = Credentials {
            operator: OPERATOR.to_owned(),
            password: secrets.password("operator")?,
            admin_password: secrets.password("admin")?,
        };
        let step = Step::quick("first operator");
        if let Err(failure) = self.bootstrap(&credentials, &secrets.password("bootstrap")?) {
            if failure
                .advice()
                .unwrap_or_default()
                .contains("BOOTSTRAPPED")
            {
                say::note(
                    "this installation has an operator already; their password is not known here",
                );
                return Ok(Credentials::none());
            }
            return Err(failure);
        }
        step.done();
        let step = Step::quick(format!("demo tenant \"{TENANT}\""));
        self.tenant(&credentials)?;
        step.done();
        credentials.keep(self.paths, self.given_postgres)?;
        Ok(credentials)
    }

    fn bootstrap(&self, credentials: &Credentials, token: &str) -> Outcome {
        let arguments = [
            "bootstrap",
            "--email",
            OPERATOR,
            "--first-name",
            "Olga",
            "--last-name",
            "Operator",
        ];
        let mut usherctl = self.usherctl(&arguments);
        usherctl
            .env("USHER_BOOTSTRAP_TOKEN", token)
            .arg("--password-stdin");
        run::output_given(&mut usherctl, &credentials.password).map(drop)
    }

    fn tenant(&self, credentials: &Credentials) -> Outcome {
        let mut login = self.usherctl(&["login", "platform", OPERATOR]);
        run::output(login.env("USHER_PASSWORD", &credentials.password))?;
        let commands: [&[&str]; 6] = [
            &[
                "tenants",
                "create",
                TENANT,
                "--display-name",
                "Demo GmbH",
                "--role-set",
                "standard",
            ],
            &["--tenant", TENANT, "license", "set", "50"],
            &[
                "--tenant", TENANT, "projects", "create", "Apollo", "Gemini", "Mercury",
            ],
            &[
                "--tenant",
                TENANT,
                "users",
                "create",
                ADMIN,
                "--first-name",
                "Dana",
                "--last-name",
                "Demo",
            ],
            &["--tenant", TENANT, "roles", "grant", ADMIN, "admin"],
            &[
                "--tenant",
                TENANT,
                "invitations",
                "create",
                INVITEE,
                "--first-name",
                "Ines",
                "--default-group",
            ],
        ];
        for arguments in commands {
            let mut command = self.usherctl(arguments);
            let done = run::output(command.env("USHER_NEW_PASSWORD", &credentials.admin_password));
            // One that an earlier start, cut short, has done already.
            let again = |failure: &Failure| {
                failure
                    .advice()
                    .is_some_and(|said| EXISTS.iter().any(|word| said.contains(word)))
            };
            done.map(drop).or_else(|failure| {
                if again(&failure) {
                    Ok(())
                } else {
                    Err(failure)
                }
            })?;
        }
        Ok(())
    }

    /// It keeps its session apart from that of the person who runs this.
    fn usherctl(&self, arguments: &[&str]) -> Command {
        let mut usherctl = Command::new(self.usherctl);
        usherctl.args(arguments);
        usherctl.env(
            "USHER_GATEWAY",
            format!("http://{}", self.addresses.gateway),
        );
        usherctl.env("USHER_CREDENTIALS", self.paths.dev("session"));
        usherctl
            .env_remove("USHER_TOKEN")
            .env_remove("USHER_TENANT");
        usherctl
    }
}

/// Words of a refusal to make what is there.
const EXISTS: [&str; 3] = ["_TAKEN", "_EXISTS", "ALREADY_"];
