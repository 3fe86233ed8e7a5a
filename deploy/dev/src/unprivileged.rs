//! Who the servers run as: PostgreSQL refuses to run as root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::failure::{Doing, Outcome};
use crate::run;

/// An ordinary user and group, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// Makes a command run as this user. Groups of root are left behind too.
    pub(crate) fn runs(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    pub(crate) fn owns(self, path: &Path) -> Outcome {
        chown(path, Some(self.uid), Some(self.gid))
            .doing(format_args!("give {} away", path.display()))
    }
}

/// The user for the servers when we are root, else none: they run as who we are.
pub(crate) fn user() -> Option<User> {
    (ask("-u")? == 0).then(|| {
        nobody().unwrap_or(User {
            uid: 65_534,
            gid: 65_534,
        })
    })
}

pub(crate) fn is_root() -> bool {
    ask("-u") == Some(0)
}

fn ask(what: &str) -> Option<u32> {
    run::output(Command::new("id").arg(what))
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn nobody() -> Option<User> {
    let number = |what| {
        run::output(Command::new("id").args([what, "nobody"]))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    Some(User {
        uid: number("-u")?,
        gid: number("-g")?,
    })
}
