//! B-61: Redis is flushed, then killed.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use contract::authorization::{CheckRequest, access_service_client::AccessServiceClient};
use contract::identity::{
    CreateUserRequest, DisableUserRequest, ValidateSessionRequest,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use testkit::{Client, environment, eventually};
use usher_tests::{World, password, process::free_port, sign_in};

/// A Redis of this test's own.
struct Redis {
    child: Child,
    address: SocketAddr,
}

impl Redis {
    fn start(address: SocketAddr) -> Self {
        let child = Command::new(format!("{}/redis-server", environment("USHER_DEV_BIN_DIR")))
            .args([
                "--bind",
                "127.0.0.1",
                "--port",
                &address.port().to_string(),
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("a Redis");
        Self { child, address }
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Speaks to it without a client library: one inline command.
    async fn flush(&self) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(self.address)
            .await
            .expect("Redis");
        stream.write_all(b"FLUSHALL\r\n").await.expect("a command");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"+OK\r\n");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A person who is let in and shut out again, whatever has become of Redis.
async fn life(world: &World, operator: &Client, name: &str) {
    let secret = password();
    let ask = CreateUserRequest {
        first_name: name.into(),
        last_name: "Person".into(),
        email: format!("{name}@redis.example"),
        password: secret.clone(),
        ..Default::default()
    };
    UserServiceClient::new(operator.clone())
        .create_user(ask)
        .await
        .expect("a user");
    let person = sign_in(
        &world.anyone(),
        "redis",
        &format!("{name}@redis.example"),
        &secret,
    )
    .await
    .expect("a login");
    let validate = || {
        let ask = ValidateSessionRequest {
            session_token: person.session_token.clone(),
        };
        let mut sessions = SessionServiceClient::new(world.anyone());
        async move { sessions.validate_session(ask).await }
    };
    validate().await.expect("a session");
    let ask = DisableUserRequest {
        user_id: person.user_id.clone(),
        ..Default::default()
    };
    UserServiceClient::new(operator.clone())
        .disable_user(ask)
        .await
        .expect("disabled");
    validate().await.expect_err("a session of a disabled user");
    // The event reaches authorization through Postgres where Redis is away.
    eventually("authorization to hear of it", || async {
        let seats = contract::authorization::ListRoleBindingsRequest {
            user_id: person.user_id.clone(),
            ..Default::default()
        };
        let mut bindings =
            contract::authorization::role_binding_service_client::RoleBindingServiceClient::new(
                operator.clone(),
            );
        bindings.list_role_bindings(seats).await.is_ok()
    })
    .await;
    let ask = CheckRequest {
        user_id: person.user_id,
        permission: "projects.view".into(),
        ..Default::default()
    };
    let decision = AccessServiceClient::new(operator.clone())
        .check(ask)
        .await
        .expect("a decision")
        .into_inner();
    assert!(!decision.allowed, "failed open");
}

#[tokio::test]
async fn b_61_redis_flushed_and_killed_loses_nothing_and_opens_nothing() {
    let mut redis = Redis::start(free_port().expect("a port"));
    let world = World::start(&redis.url(), &[]).await;
    let operator = world.tenant("redis").await;
    life(&world, &operator, "before").await;
    redis.flush().await;
    life(&world, &operator, "flushed").await;
    redis.child.kill().expect("a kill");
    redis.child.wait().expect("its end");
    life(&world, &operator, "killed").await;
    redis = Redis::start(redis.address);
    life(&world, &operator, "back").await;
    drop(redis);
    world.end().await;
}
