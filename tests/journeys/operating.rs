//! What people with grpcurl and programs in other languages meet.

use std::process::Command;

use testkit::environment;
use usher_tests::{Suite, World, suite::OPERATOR};

fn grpcurl(world: &World, args: &[&str]) -> String {
    let output = Command::new(environment("USHER_GRPCURL"))
        .arg("-plaintext")
        .args(&args[..args.len() - 1])
        .arg(world.process.address().to_string())
        .args(args[args.len() - 1].split('\u{1f}'))
        .output()
        .expect("grpcurl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o_01_grpcurl_lists_describes_and_logs_in_without_proto_files() {
    let world = World::start(&environment("USHER_TEST_REDIS"), &[]).await;
    let listed = grpcurl(&world, &["list"]);
    let services = contract::methods()
        .iter()
        .filter(|method| !matches!(method.rule, Some(contract::Rule::Suite(_))));
    for service in services.map(|method| method.service) {
        assert!(
            listed.contains(service),
            "{service} is not listed:\n{listed}"
        );
        assert!(
            grpcurl(&world, &[&format!("describe\u{1f}{service}")]).contains("service"),
            "{service}"
        );
    }
    let login = format!(
        r#"{{"tenant": "platform", "username": "{OPERATOR}", "password": "{}"}}"#,
        world.operator_password.clone()
    );
    let reply = grpcurl(
        &world,
        &["-d", &login, "usher.identity.v1.LoginService/Login"],
    );
    assert!(reply.contains("sessionToken"), "{reply}");
    let health = grpcurl(&world, &["grpc.health.v1.Health/Check"]);
    assert!(health.contains("SERVING"), "{health}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o_01_a_python_client_from_the_contract_signs_in_and_lists_users() {
    let world = World::start(&environment("USHER_TEST_REDIS"), &[]).await;
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/foreign");
    let work = std::env::temp_dir().join(format!("usher-python-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("usher.binpb"), contract::DESCRIPTORS).unwrap();
    let output = Command::new(environment("USHER_PYTHON"))
        .arg(format!("{here}/client.py"))
        .args([
            world.process.address().to_string(),
            "platform".into(),
            OPERATOR.into(),
            world.operator_password.clone(),
        ])
        .current_dir(&work)
        .output()
        .expect("python runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains(OPERATOR),
        "the operator is not among the users:\n{text}"
    );
    std::fs::remove_dir_all(work).unwrap();
    world.end().await;
}

#[tokio::test]
async fn o_01_the_request_id_comes_back_and_an_unknown_method_is_unimplemented() {
    let suite = Suite::start().await;
    let id = uuid::Uuid::new_v4().to_string();
    let client = suite.anyone().with("usher-request-id", &id);
    let mut identity = contract::identity::token_service_client::TokenServiceClient::new(client);
    let reply = identity
        .get_key_set(contract::identity::GetKeySetRequest {})
        .await
        .unwrap();
    assert_eq!(
        reply
            .metadata()
            .get("usher-request-id")
            .unwrap()
            .to_str()
            .unwrap(),
        id
    );
    let stranger = suite.anyone();
    for path in [
        "/usher.identity.v1.UserService/Nothing",
        "/usher.feed.v1.FeedService/ReadEvents",
        "/no.Such/Thing",
    ] {
        let status = testkit::call_raw(&stranger, path, Vec::new())
            .await
            .unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unimplemented, "{path}");
    }
    suite.stop().await;
}
