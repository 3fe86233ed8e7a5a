//! Checkpoints by the clock, and `usherctl audit verify`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::identity::{
    ListAuditCheckpointsRequest, UpdateTenantRequest, tenant_service_client::TenantServiceClient,
};
use sqlx::Connection as _;
use testkit::{Client, environment, until};
use usher_tests::{World, process::bin_dir};

use super::audit;

struct Terminal {
    place: PathBuf,
    gateway: String,
    token: String,
}

impl Terminal {
    fn usherctl(&self, arguments: &[&str]) -> Output {
        let program = bin_dir().expect("what was built").join("usherctl");
        Command::new(program)
            .args(["--gateway", &self.gateway, "--session-token", &self.token])
            .args(["--tenant", "acme", "audit"])
            .args(arguments)
            .current_dir(&self.place)
            .output()
            .expect("usherctl runs")
    }

    /// What a command that succeeds prints.
    fn prints(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.usherctl(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}");
        output.stdout
    }

    fn write(&self, name: &str, text: &[u8]) {
        std::fs::write(self.place.join(name), text).expect(name);
    }

    /// The exit code of `audit verify`, and what it says.
    fn verify(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.usherctl(&[&["verify"], arguments].concat());
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&told).into())
    }
}

fn place() -> PathBuf {
    let name = format!("usher-audit-{}", uuid::Uuid::new_v4().simple());
    let place = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&place).expect("a directory");
    place
}

async fn rename(client: &Client) {
    let ask = UpdateTenantRequest {
        display_name: Some("=cmd|'/c calc'!A1".into()),
        ..Default::default()
    };
    let mut tenants = TenantServiceClient::new(client.clone());
    tenants.update_tenant(ask).await.expect("renamed");
}

/// The checkpoints that a file holds of a tenant.
fn lines(file: &Path, tenant: &str) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let of = text.lines().filter(|line| line.contains(tenant));
    of.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b_83_an_operator_verifies_here_and_elsewhere() {
    let place = place();
    let file = place.join("usher.jsonl");
    let flags = [
        "--audit-checkpoint-seconds",
        "1",
        "--audit-checkpoint-file",
        file.to_str().expect("a path"),
    ];
    let world = World::start(&environment("USHER_TEST_REDIS"), &flags).await;
    let client = world.tenant("acme").await;
    rename(&client).await;
    let tenant = until(
        "checkpoints by the clock, in Postgres and in the file",
        || async {
            let ask = ListAuditCheckpointsRequest::default();
            let reply = audit(&client).list_audit_checkpoints(ask).await.ok()?;
            let made = reply.into_inner().checkpoints.pop()?.tenant_id;
            (!lines(&file, &made).is_empty()).then_some(made)
        },
    )
    .await;
    let there = Terminal {
        place,
        gateway: format!("http://{}", world.process.address()),
        token: world.operator.session_token.clone(),
    };
    there.write("own.jsonl", &there.prints(&["checkpoint"]));
    there.prints(&["export", "--to", "trail.jsonl"]);
    let csv = there.prints(&["export", "--format", "csv"]);
    let csv = String::from_utf8(csv).expect("text");
    assert!(csv.starts_with("Sequence,Time,Service,Action"), "{csv}");
    let (code, told) =
        there.verify(&["--checkpoints", "own.jsonl", "--checkpoints", "usher.jsonl"]);
    assert_eq!(code, Some(0), "{told}");
    let own: serde_json::Value =
        serde_json::from_slice(&std::fs::read(there.place.join("own.jsonl")).expect("a file"))
            .expect("JSON");
    let key = key(&own);
    let elsewhere = [
        "--records",
        "trail.jsonl",
        "--checkpoints",
        "own.jsonl",
        "--key",
        &key,
    ];
    let (code, told) = there.verify(&elsewhere);
    assert_eq!(code, Some(0), "{told}");

    // One word of the export is another.
    let trail = std::fs::read_to_string(there.place.join("trail.jsonl")).expect("a file");
    there.write(
        "trail.jsonl",
        trail
            .replacen("tenant_updated", "tenant_created", 1)
            .as_bytes(),
    );
    let (code, told) = there.verify(&elsewhere);
    assert_eq!(code, Some(1), "{told}");
    // And a row in Postgres.
    let mut database = sqlx::PgConnection::connect(&world.database.admin_url())
        .await
        .expect("Postgres");
    let sql = "UPDATE identity.audit_records SET actor_address = '203.0.113.9'
               WHERE tenant_id = $1::uuid AND sequence = 2";
    sqlx::query(sql)
        .bind(&tenant)
        .execute(&mut database)
        .await
        .expect("a change");
    let (code, told) = there.verify(&[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains('2'), "{told}");
    let unknown = there.usherctl(&["list", "--action", "user_disable"]);
    assert_eq!(unknown.status.code(), Some(65));
    std::fs::remove_dir_all(&there.place).expect("the place");
    world.end().await;
}

/// The key of a checkpoint, in hex.
fn key(checkpoint: &serde_json::Value) -> String {
    let key = checkpoint["publicKey"].as_str().expect("a key");
    hex::encode(STANDARD.decode(key).expect("base64"))
}
