//! A Redis (or Valkey) of our own, on a free loopback port, behind a password. It keeps nothing:
//! for Usher, Redis is a hint.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::{end, free_port};
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::paths::{self, Paths};
use crate::process::{Recipe, Running};
use crate::say::Step;
use crate::session::Session;
use crate::tools::Programs;

const PATIENCE: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 3;

#[derive(Debug)]
pub(crate) struct Redis {
    running: Option<Running>,
    port: u16,
    password: String,
}

impl Redis {
    pub(crate) fn start(
        paths: &Paths,
        session: &Session,
        programs: &Programs,
        dir: &Path,
        password: &str,
    ) -> Outcome<Self> {
        let step = Step::quick("Redis");
        paths::make(dir)?;
        let mut attempt = 1;
        loop {
            match Self::serve(paths, session, programs, dir, password) {
                Err(failure) if attempt == ATTEMPTS || interrupt::requested() => {
                    return Err(failure);
                }
                Err(_) => attempt += 1,
                Ok(redis) => {
                    step.done();
                    return Ok(redis);
                }
            }
        }
    }

    fn serve(
        paths: &Paths,
        session: &Session,
        programs: &Programs,
        dir: &Path,
        password: &str,
    ) -> Outcome<Self> {
        let port = free_port(None)?;
        let name = format!(
            "redis{}",
            if dir == paths.data() {
                ""
            } else {
                "-throwaway"
            }
        );
        let configuration = dir.join("redis.conf");
        let lines = [
            format!("port {port}\nbind 127.0.0.1\nrequirepass {password}\n"),
            // Its command line stays what it was, by which a later run knows it.
            "set-proc-title no\nsave \"\"\nappendonly no\nloglevel warning\n".to_owned(),
        ];
        crate::secrets::write_private(&configuration, &lines.concat())?;
        let mut recipe = Recipe::new(&name, programs.path("redis-server"), paths.log(&name))
            .argument(&configuration);
        recipe.marker = configuration.to_string_lossy().into_owned();
        if let Some(user) = paths.user() {
            user.owns(&configuration)?;
            recipe.user = Some(user);
        }
        let mut running = recipe.start(session)?;
        let ready = interrupt::wait_until(PATIENCE, || {
            running.must_run()?;
            Ok(answers(port, password))
        })?;
        if !ready {
            return Err(Failure::new("Redis does not get ready"));
        }
        Ok(Self {
            running: Some(running),
            port,
            password: password.to_owned(),
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port)
    }

    pub(crate) fn running(&mut self) -> Option<&mut Running> {
        self.running.as_mut()
    }

    pub(crate) fn stop(&mut self) {
        end(&mut self.running);
    }
}

fn answers(port: u16, password: &str) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(format!("AUTH {password}\r\nPING\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("PONG"))
}
