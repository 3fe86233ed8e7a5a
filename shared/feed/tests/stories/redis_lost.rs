//! B-61: Redis is flushed, and killed, in the middle.

use std::{net::SocketAddr, time::Duration};

use contract::Id;
use feed::Redis;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    database::setting,
    stage::{Running, Stage},
};

/// The most that a recovery takes.
const RECOVERY: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_61_events_have_their_effects_through_a_flush_and_a_death_of_redis() {
    let stage = Stage::new(4).await;
    let mut db = stage.admin().await;
    let mut proxy = Proxy::start().await;
    let redis = Redis::new(
        &format!("redis://{}{}", server().0, proxy.address),
        &stage.prefix,
    )
    .expect("a URL");
    let _relay = stage.relay(Some(redis.clone()));
    let _reader = stage.reader(Some(redis.clone()));
    let tenants = [(); 4].map(|()| Id::new());
    let mut written = 0;
    let mut write_some = async |stage: &Stage| {
        for _ in 0..40 {
            stage.write(tenants[written % 4], written as u64).await;
            written += 1;
        }
        i64::try_from(written).expect("small")
    };
    let before = write_some(&stage).await;
    stage.until_effects(&mut db, before, RECOVERY).await;

    // Events are under way while all that Redis knows of this feed is deleted.
    let flushed = write_some(&stage).await;
    flush(&stage).await;
    stage.until_effects(&mut db, flushed, RECOVERY).await;
    let after = write_some(&stage).await;
    stage.until_effects(&mut db, after, RECOVERY).await;

    proxy.die();
    let dead = write_some(&stage).await;
    stage.until_effects(&mut db, dead, RECOVERY).await;

    proxy.live().await;
    let alive = write_some(&stage).await;
    stage.until_effects(&mut db, alive, RECOVERY).await;
    assert_eq!(stage.counts(&mut db).await, (alive, alive, alive));
    until_streaming(&stage).await;
}

/// What FLUSHALL does to this stage, without doing it to every other test.
async fn flush(stage: &Stage) {
    let redis = stage.redis();
    let mut command = redis::cmd("UNLINK");
    for shard in 0..feed::SHARDS {
        command.arg(redis.key(&format!("usher:feed:{{writers.{shard}}}")));
    }
    let deleted: i64 = redis.query(&command).await.expect("redis answers");
    assert!(deleted > 0);
}

/// Waits until the relay appends again.
async fn until_streaming(stage: &Stage) {
    let redis = stage.redis();
    let length = async || {
        let mut length = 0;
        for shard in 0..feed::SHARDS {
            let key = redis.key(&format!("usher:feed:{{writers.{shard}}}"));
            length += redis
                .query::<i64>(redis::cmd("XLEN").arg(key))
                .await
                .unwrap_or_default();
        }
        length
    };
    let before = length().await;
    let streaming = async {
        let tenant = Id::new();
        while length().await <= before {
            stage.write(tenant, 1_000_000).await;
        }
    };
    tokio::time::timeout(RECOVERY, streaming)
        .await
        .expect("the stream grows again");
}

/// Stands in front of Redis and can die.
struct Proxy {
    address: SocketAddr,
    running: Option<Running>,
}

impl Proxy {
    async fn start() -> Proxy {
        let mut proxy = Proxy {
            address: ([127, 0, 0, 1], 0).into(),
            running: None,
        };
        proxy.live().await;
        proxy
    }

    async fn live(&mut self) {
        let listener = TcpListener::bind(self.address)
            .await
            .expect("the port is free");
        self.address = listener.local_addr().expect("bound");
        let (_, server) = server();
        self.running = Some(Running(tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let server = server.clone();
                open.spawn(async move {
                    let mut upstream = TcpStream::connect(server).await.expect("redis is there");
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
                });
            }
        })));
    }

    /// Closes every connection and the port.
    fn die(&mut self) {
        self.running = None;
    }
}

/// How to log in, as in `:password@`, and the address.
fn server() -> (String, String) {
    let url = setting("USHER_TEST_REDIS");
    let rest = url.strip_prefix("redis://").expect("a redis:// URL");
    let (login, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
    let address = rest.split('/').next().expect("a server");
    (login.to_owned(), address.to_owned())
}
