//! A Redis of a test's own, to be flushed, killed and looked into.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use testkit::environment;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use usher_tests::process::free_port;

/// A Redis that keeps nothing over its end.
pub struct Redis {
    child: Child,
    address: SocketAddr,
    dir: PathBuf,
}

impl Redis {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let name = format!("usher-redis-{}", uuid::Uuid::new_v4().simple());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        let address = free_port().expect("a port");
        let child = spawn(address, &dir);
        Self {
            child,
            address,
            dir,
        }
    }

    /// Its address as services are told it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("its end");
    }

    /// Starts it again, empty, where it was.
    pub fn restart(&mut self) {
        self.child = spawn(self.address, &self.dir);
    }

    /// Forgets everything.
    pub async fn flush(&self) {
        self.tell("FLUSHALL").await;
    }

    /// Writes everything that it holds to a file, uncompressed.
    pub async fn save(&self) -> PathBuf {
        self.tell("SAVE").await;
        self.dir.join("dump.rdb")
    }

    /// Speaks to it without a client library: one inline command.
    async fn tell(&self, command: &str) {
        let mut stream = tokio::net::TcpStream::connect(self.address)
            .await
            .expect("Redis");
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .await
            .expect("a command");
        let mut answer = String::new();
        BufReader::new(stream)
            .read_line(&mut answer)
            .await
            .expect("an answer");
        assert_eq!(answer, "+OK\r\n", "{command}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn spawn(address: SocketAddr, dir: &std::path::Path) -> Child {
    Command::new(format!("{}/redis-server", environment("USHER_DEV_BIN_DIR")))
        .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--save", "", "--appendonly", "no", "--rdbcompression", "no"])
        .current_dir(dir)
        .stdout(Stdio::null())
        .spawn()
        .expect("a Redis")
}
