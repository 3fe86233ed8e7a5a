//! Looking after running parts: their health, their logs, their restarts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::services::Prepared;
use crate::failure::Outcome;
use crate::log::Follower;
use crate::process::Running;
use crate::session::Session;

/// One process of Usher.
pub(super) struct Part {
    running: Running,
    follower: Follower,
    operations: String,
}

impl Part {
    pub(super) fn start(prepared: Prepared, session: &Session) -> Outcome<Self> {
        let Prepared { recipe, operations } = prepared;
        let follower = Follower::new(&recipe.name, recipe.log.clone());
        Ok(Self {
            running: recipe.start(session)?,
            follower,
            operations,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.running.recipe().name
    }

    pub(super) fn log(&self) -> String {
        self.running.recipe().log.display().to_string()
    }

    /// Where it tells its health: `127.0.0.1:…`.
    pub(super) fn operations(&self) -> &str {
        &self.operations
    }

    pub(super) fn must_run(&mut self) -> Outcome {
        self.running.must_run()
    }

    /// Shows what it complains about, and starts it again when it has ended.
    pub(super) fn look(&mut self, session: &Session) -> Outcome {
        self.follower.look();
        self.running.keep_up(session)
    }
}

/// Whether the part at this address says that it is ready.
pub(super) fn ready(address: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(
            format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(String::from_utf8_lossy(&start).into_owned())
    };
    ask().is_ok_and(|answer| answer.ends_with("200"))
}
