//! Processes that run beside us, each in a process group of its own, logging to a file.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use crate::failure::{Doing, Failure, Outcome};
use crate::interrupt::blink;
use crate::paths;
use crate::run;
use crate::say;
use crate::session::Session;
use crate::unprivileged::User;

/// The pause before a process that ended is started again.
const PAUSE: Duration = Duration::from_secs(1);

/// How to start a process, any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) log: PathBuf,
    pub(crate) user: Option<User>,
    pub(crate) stop: Signal,
    /// How long it is given to end by itself.
    pub(crate) grace: Duration,
    /// A text that only its command line contains.
    pub(crate) marker: String,
}

impl Recipe {
    pub(crate) fn new(name: &str, program: PathBuf, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            marker: program.to_string_lossy().into_owned(),
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            log,
            user: None,
            stop: Signal::Terminate,
            grace: Duration::from_secs(10),
        }
    }

    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn start(self, session: &Session) -> Outcome<Running> {
        let child = self.spawn()?;
        let record = session.record(&self.name, child.id(), &self.marker);
        let mut running = Running {
            child,
            record: PathBuf::new(),
            recipe: self,
            since: None,
        };
        // From here on it ends with us, even when it could not be written down.
        running.record = record?;
        Ok(running)
    }

    fn spawn(&self) -> Outcome<Child> {
        let log = self.open_log()?;
        let errors = log.try_clone().doing("share a log")?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C in the terminal reaches us alone, and we end everything in order.
            .process_group(0);
        if let Some(user) = self.user {
            user.runs(command.current_dir("/"));
        }
        command
            .spawn()
            .doing(format_args!("start {}", self.program.display()))
    }

    /// An empty log; that of the run before is kept beside it.
    fn open_log(&self) -> Outcome<fs::File> {
        if let Some(dir) = self.log.parent() {
            paths::make(dir)?;
        }
        drop(fs::rename(&self.log, self.log.with_extension("log.old")));
        fs::File::create(&self.log).doing(format_args!("write {}", self.log.display()))
    }
}

/// A process that runs until this is dropped, or it ends by itself.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    record: PathBuf,
    recipe: Recipe,
    /// Since when it is seen to have ended.
    since: Option<Instant>,
}

impl Running {
    pub(crate) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        self.child
            .try_wait()
            .doing(format_args!("look after {}", self.recipe.name))
    }

    /// Starts it again, after a pause, when it has ended by itself. Says so when it has just ended.
    pub(crate) fn keep_up(&mut self, session: &Session) -> Outcome {
        match (self.since, self.ended()?) {
            (None, Some(status)) => {
                say::bad(format!(
                    "{} {}; it is started again",
                    self.recipe.name,
                    told(status)
                ));
                self.since = Some(Instant::now());
            }
            (Some(since), _) if since.elapsed() >= PAUSE => {
                self.child = self.recipe.spawn()?;
                session.record(&self.recipe.name, self.child.id(), &self.recipe.marker)?;
                self.since = None;
            }
            _ => {}
        }
        Ok(())
    }

    /// Fails when it has ended, with the end of its log.
    pub(crate) fn must_run(&mut self) -> Outcome {
        let Some(status) = self.ended()? else {
            return Ok(());
        };
        let log = &self.recipe.log;
        let advice = format!("{}\n(all of it: {})", tail(log, 15), log.display());
        Err(Failure::new(format!("{} {}", self.recipe.name, told(status))).advise(advice))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let begin = Instant::now();
        // Errors mean that it is gone already, which is what is wanted.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(signal(self.child.id(), self.recipe.stop));
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            if begin.elapsed() > self.recipe.grace {
                drop(signal(self.child.id(), Signal::Kill));
                drop(self.child.wait());
                break;
            }
            blink();
        }
        drop(fs::remove_file(&self.record));
    }
}

/// How a process ended, in words.
fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Kill,
}

/// Sends a signal to a process and, when it leads one, its group.
pub(crate) fn signal(pid: u32, signal: Signal) -> Outcome {
    let name = match signal {
        Signal::Interrupt => "INT",
        Signal::Terminate => "TERM",
        Signal::Kill => "KILL",
    };
    // The shell's own `kill`: the program of that name is not on every machine, and calling the
    // system directly needs unsafe code.
    let script = match signal {
        Signal::Kill => {
            format!("kill -s {name} -- -{pid} 2>/dev/null || kill -s {name} {pid} 2>/dev/null || :")
        }
        _ => format!("kill -s {name} {pid} 2>/dev/null || :"),
    };
    run::output(Command::new("/bin/sh").args(["-c", &script])).map(drop)
}

/// Whether this process runs and its command line contains the marker: process numbers are reused.
pub(crate) fn runs(pid: u32, marker: &str) -> bool {
    let line = match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => String::from_utf8_lossy(&line).replace('\0', " "),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && Path::new("/proc/self").exists() =>
        {
            return false;
        }
        Err(_) => {
            let mut ps = Command::new("ps");
            run::output(ps.args(["-o", "command=", "-p", &pid.to_string()])).unwrap_or_default()
        }
    };
    line.contains(marker)
}

/// What our own command line contains. Not the path of the program: cargo starts it by a relative
/// one or an absolute one, as it happens.
pub(crate) fn own_marker() -> String {
    let name = std::env::args().next().unwrap_or_default();
    Path::new(&name)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The last lines of a file.
pub(crate) fn tail(file: &Path, count: usize) -> String {
    let text = fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
