//! What one `cargo dev` has running, written down so that a later one can clear it away after a
//! `kill -9` or a crash of the machine.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, process};

use crate::failure::{Doing, Outcome};
use crate::interrupt;
use crate::paths::{self, Paths};
use crate::process::{Signal, own_marker, runs, signal};
use crate::say;

/// How long something left behind is given to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// The file in a session's folder that says which program holds the session.
const HOLDER: &str = "holder";

/// This run's folder, `.dev/run/<our process id>`. In it, one file for each process started:
/// its number, and a text that its command line must contain for it to still be that process.
#[derive(Debug)]
pub(crate) struct Session {
    dir: PathBuf,
}

impl Session {
    /// Clears away what dead sessions left, and begins one.
    pub(crate) fn open(paths: &Paths) -> Outcome<Self> {
        sweep(paths)?;
        let dir = paths.sessions().join(process::id().to_string());
        paths::make(&dir)?;
        let session = Self { dir };
        session.record(HOLDER, process::id(), &own_marker())?;
        Ok(session)
    }

    /// Writes down a process. Must be called as soon as it runs.
    pub(crate) fn record(&self, name: &str, pid: u32, marker: &str) -> Outcome<PathBuf> {
        let file = self.dir.join(name);
        fs::write(&file, format!("{pid}\n{marker}"))
            .doing(format_args!("write {}", file.display()))?;
        Ok(file)
    }

    /// A folder for data that ends with this session.
    pub(crate) fn throwaway(&self, paths: &Paths) -> PathBuf {
        throwaway(paths, &self.dir)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What cannot be removed now is cleared away by the next session.
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn throwaway(paths: &Paths, session: &Path) -> PathBuf {
    paths.data().join(format!(
        "throwaway-{}",
        session.file_name().unwrap_or_default().display()
    ))
}

/// Ends what sessions that are no more left running, and removes their data.
pub(crate) fn sweep(paths: &Paths) -> Outcome {
    let Ok(sessions) = fs::read_dir(paths.sessions()) else {
        return Ok(());
    };
    for session in sessions.filter_map(Result::ok).map(|entry| entry.path()) {
        if read(&session.join(HOLDER))
            .is_some_and(|(pid, marker)| pid != process::id() && runs(pid, &marker))
        {
            continue;
        }
        end_all(&session)?;
        paths::remove(&throwaway(paths, &session))?;
        paths::remove(&session)?;
    }
    Ok(())
}

/// Whether a session is alive besides ours, such as a `cargo dev up` in another terminal.
pub(crate) fn others(paths: &Paths) -> bool {
    let sessions = fs::read_dir(paths.sessions())
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    sessions
        .filter_map(|entry| read(&entry.path().join(HOLDER)))
        .any(|(pid, marker)| pid != process::id() && runs(pid, &marker))
}

fn end_all(session: &Path) -> Outcome {
    let files = fs::read_dir(session).doing(format_args!("read {}", session.display()))?;
    let records = files
        .filter_map(Result::ok)
        .filter(|file| file.file_name() != HOLDER);
    let mut left: Vec<_> = records.filter_map(|file| read(&file.path())).collect();
    left.retain(|(pid, marker)| runs(*pid, marker));
    if left.is_empty() {
        return Ok(());
    }
    say::note(format!(
        "ending {} processes that an earlier run left",
        left.len()
    ));
    for (pid, _) in &left {
        // SIGINT ends all of ours in order, and PostgreSQL without waiting for its clients.
        signal(*pid, Signal::Interrupt)?;
    }
    let over = || Ok(!left.iter().any(|(pid, marker)| runs(*pid, marker)));
    if !interrupt::wait_until(GRACE, over)? {
        for (pid, _) in left.iter().filter(|(pid, marker)| runs(*pid, marker)) {
            signal(*pid, Signal::Kill)?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Option<(u32, String)> {
    let text = fs::read_to_string(file).ok()?;
    let (pid, marker) = text.split_once('\n')?;
    Some((pid.parse().ok()?, marker.to_owned()))
}
