//! Servers as processes of their own, for killing and for measuring.

use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use rpc::Channel;
use testkit::{Client, Database, eventually};

/// A server that can be killed and started again at the same address.
pub struct Process {
    binary: PathBuf,
    flags: Vec<String>,
    log: PathBuf,
    address: SocketAddr,
    child: Child,
}

impl Process {
    /// Starts a binary of this workspace on a free port; what it prints is
    /// added to the log.
    pub fn start(binary: &str, flags: &[String], log: &Path) -> Result<Self> {
        Self::start_at(free_port()?, binary, flags, log)
    }

    /// The same at an address that others know already.
    pub fn start_at(
        address: SocketAddr,
        binary: &str,
        flags: &[String],
        log: &Path,
    ) -> Result<Self> {
        let binary = bin_dir()?.join(binary);
        let child = spawn(&binary, flags, address, log)?;
        Ok(Self {
            binary,
            flags: flags.to_vec(),
            log: log.to_owned(),
            address,
            child,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A channel to it.
    ///
    /// # Panics
    /// Never: an address is a URI.
    #[must_use]
    pub fn channel(&self) -> Channel {
        let uri = format!("http://{}", self.address);
        Channel::remote(
            uri.parse()
                .unwrap_or_else(|_| unreachable!("an address is a URI")),
        )
    }

    /// Waits until it answers calls.
    ///
    /// # Panics
    /// When it does not within the patience of [`eventually`].
    pub async fn ready(&self) {
        let client = Client::new(self.channel());
        eventually("the server to answer", || async {
            let path = "/usher.identity.v1.TokenService/GetKeySet";
            let answer = testkit::call_raw(&client, path, Vec::new()).await;
            !matches!(answer, Err(status) if status.code() == tonic::Code::Unavailable)
        })
        .await;
    }

    /// Kills it as `kill -9` does and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing")?;
        self.child.wait().context("waiting for the killed")?;
        Ok(())
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) -> Result<()> {
        self.child = spawn(&self.binary, &self.flags, self.address, &self.log)?;
        Ok(())
    }

    /// The processor time it has used so far, in user and system mode.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold blanks; fields 14 and 15 are the times.
        let rest = stat
            .rsplit_once(')')
            .context("the shape of /proc/pid/stat")?
            .1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // USER_HZ is 100 on every Linux that Rust runs on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// The memory it occupies, in bytes.
    pub fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        let kib: u64 = size.context("the shape of /proc/pid/status")?.parse()?;
        Ok(kib * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already: that is what tests do to it.
        drop(self.kill());
    }
}

/// The flags of `usher-suite` on a database, with a mail catcher.
#[must_use]
pub fn suite_flags(database: &Database, redis: &str, smtp_url: &str) -> Vec<String> {
    let flags = [
        ("--postgres-url", database.url()),
        ("--redis-url", redis.to_owned()),
        (
            "--redis-prefix",
            format!("test:{}:", uuid::Uuid::new_v4().simple()),
        ),
        ("--secret", crate::suite::SECRET.to_owned()),
        ("--smtp-url", smtp_url.to_owned()),
        ("--mail-from", "Usher <no-reply@usher.example>".to_owned()),
        ("--link-base", "https://people.example/".to_owned()),
        (
            "--bootstrap-token",
            crate::suite::BOOTSTRAP_TOKEN.to_owned(),
        ),
        ("--ops-listen", "127.0.0.1:0".to_owned()),
        ("--log-format", "text".to_owned()),
    ];
    flags
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
}

fn spawn(binary: &Path, flags: &[String], address: SocketAddr, log: &Path) -> Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log)
        .context("the log")?;
    Command::new(binary)
        .args(flags)
        .args(["--listen", &address.to_string()])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| {
            format!(
                "starting {}: was it built? `cargo dev test` does",
                binary.display()
            )
        })
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Where cargo puts the binaries of this build.
pub fn bin_dir() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let dir = own.parent().context("a binary is in a folder")?;
    Ok(if dir.ends_with("deps") {
        dir.parent().context("deps is in a folder")?.to_owned()
    } else {
        dir.to_owned()
    })
}
