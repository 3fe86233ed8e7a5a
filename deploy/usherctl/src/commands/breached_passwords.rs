//! The passwords that nobody can choose: known from breaches of other services.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
};

use identity::breached::{self, Breached, Form};

use crate::{Session, failure::Failure, password};

const BUILD: &str = "\
The list has a SHA-1 hash in hex on each line, with or without `:` and a number,
in any order: as Have I Been Pwned publishes it. A billion lines take some
minutes, 50 MB of memory, and beside the file of 3.2 GB another 8 GB while it is
built. A password that is not in the list is taken for one with a chance of four
in a million.

Examples:
  usherctl breached-passwords build pwned-passwords-sha1.txt breached.bin
  usherctl breached-passwords build --plain our-own-words.txt breached.bin

Then start identity with --breached-passwords breached.bin.";

/// What to do.
#[derive(clap::Subcommand)]
pub enum BreachedPasswords {
    /// Build the file from a published list
    #[command(after_help = BUILD)]
    Build {
        /// The list
        list: PathBuf,
        /// The file
        file: PathBuf,
        /// The lines are passwords, not hashes
        #[arg(long)]
        plain: bool,
    },
    /// Ask whether a file knows a password; exit code 1 says yes
    #[command(after_help = "Example:\n  usherctl breached-passwords check breached.bin")]
    Check {
        /// The file
        file: PathBuf,
    },
}

impl BreachedPasswords {
    pub fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            BreachedPasswords::Build { list, file, plain } => build(session, &list, &file, plain),
            BreachedPasswords::Check { file } => check(session, &file),
        }
    }
}

fn build(session: &Session, list: &Path, file: &Path, plain: bool) -> Result<ExitCode, Failure> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| Failure::io(path, &error)
    };
    let opened = File::open(list).map_err(at(list))?;
    let length = opened.metadata().map_err(at(list))?.len();
    let template = "{bar:30} {bytes} of {total_bytes}, {eta} left";
    let bar = session.print.bar(length, template);
    let form = if plain { Form::Passwords } else { Form::Hashes };
    let read = |bytes| bar.set_position(bytes);
    let built = breached::build(BufReader::with_capacity(1 << 20, opened), form, file, read);
    bar.finish_and_clear();
    let built = built.map_err(at(list))?;
    let row = [
        file.display().to_string(),
        built.lines.to_string(),
        built.hashes.to_string(),
    ];
    session
        .print
        .rows(["File", "Lines", "Passwords"], vec![row])?;
    Ok(ExitCode::SUCCESS)
}

fn check(session: &Session, file: &Path) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::io(file.display(), &error);
    let breached = Breached::open(file).map_err(failed)?;
    let known = breached
        .contains(&password::ask("Password")?)
        .map_err(failed)?;
    let answer = if known { "known" } else { "unknown" };
    session
        .print
        .rows(["Password"], vec![[answer.to_owned()]])?;
    Ok(ExitCode::from(u8::from(known)))
}
