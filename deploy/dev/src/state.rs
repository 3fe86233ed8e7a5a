//! What a running `cargo dev up` tells other commands, and tests: `.dev/state.json`.

use std::{fs, process};

use crate::failure::Outcome;
use crate::json;
use crate::paths::Paths;
use crate::process::{own_marker, runs};
use crate::secrets::write_private;

/// Where the parts of a running `up` are.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// `127.0.0.1:8080`: what callers of Usher connect to.
    pub(crate) gateway: String,
    /// `http://127.0.0.1:…`: metrics and health.
    pub(crate) operations: String,
    /// `http://127.0.0.1:8025`: where mail is looked at; none when another mail server is used.
    pub(crate) mail: Option<String>,
    pub(crate) smtp: String,
    /// Postgres as its administrator.
    pub(crate) postgres: String,
    pub(crate) redis: String,
    /// Whether that Postgres is one that ran before.
    pub(crate) given: bool,
}

impl Addresses {
    /// Those of an `up` that runs now in this checkout.
    pub(crate) fn live(paths: &Paths) -> Option<Self> {
        let text = fs::read_to_string(paths.dev("state.json")).ok()?;
        let field = |name| json::string(&text, name);
        if !runs(field("process")?.parse().ok()?, &field("program")?) {
            return None;
        }
        Some(Self {
            gateway: field("gateway")?,
            operations: field("operations")?,
            mail: field("mail").filter(|mail| !mail.is_empty()),
            smtp: field("smtp")?,
            postgres: field("postgres")?,
            redis: field("redis")?,
            given: field("given")? == "yes",
        })
    }

    /// The address of a Postgres that is not ours.
    pub(crate) fn given_postgres(&self) -> Option<&str> {
        Some(self.postgres.as_str()).filter(|_| self.given)
    }

    /// Tells that this process now has them running, until the returned note is dropped.
    pub(crate) fn announce(&self, paths: &Paths) -> Outcome<Note> {
        let text = json::object(&[
            ("process", &process::id().to_string()),
            ("program", &own_marker()),
            ("gateway", &self.gateway),
            ("operations", &self.operations),
            ("mail", self.mail.as_deref().unwrap_or_default()),
            ("smtp", &self.smtp),
            ("postgres", &self.postgres),
            ("redis", &self.redis),
            ("given", if self.given { "yes" } else { "no" }),
        ]);
        let file = paths.dev("state.json");
        write_private(&file, &text)?;
        Ok(Note(file))
    }
}

/// The announcement; it ends with the process that made it.
#[derive(Debug)]
pub(crate) struct Note(std::path::PathBuf);

impl Drop for Note {
    fn drop(&mut self) {
        // One left behind is seen to be stale by its process number.
        drop(fs::remove_file(&self.0));
    }
}
