//! The README tells the truth: each of its commands works as it stands there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use testkit::{Authenticator, environment};
use usher_tests::{World, process::bin_dir, suite::OPERATOR};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lie in the repository")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// The commands in the shell blocks of the README, one after the other.
fn commands() -> Vec<String> {
    let readme = text("README.md");
    let blocks = readme.split("```").skip(1).step_by(2);
    let shell = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    shell
        .flat_map(|block| {
            // A command goes on behind a backslash, and where it is set in.
            let joined = block.replace("\\\n", " ").replace("\n  ", " ");
            joined.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| !line.is_empty())
        .collect()
}

/// A place in which the programs of the README are found by their names.
fn programs() -> PathBuf {
    let name = format!("usher-readme-{}", uuid::Uuid::new_v4().simple());
    let place = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&place).expect("a directory");
    let grpcurl = PathBuf::from(environment("USHER_GRPCURL"));
    let usherctl = bin_dir().expect("what was built").join("usherctl");
    for (name, program) in [("grpcurl", grpcurl), ("usherctl", usherctl)] {
        std::os::unix::fs::symlink(program, place.join(name)).expect("a link");
    }
    place
}

/// What a reader takes from replies for later commands.
#[derive(Default)]
struct Replies {
    flow_token: String,
    id: String,
    phone: Option<Authenticator>,
}

impl Replies {
    fn read(&mut self, reply: &str) {
        let value = |name: &str| {
            let mut lines = reply.lines().map(str::trim);
            let line = lines.find_map(|line| line.strip_prefix(&format!("\"{name}\": \"")))?;
            let value = line.split('"').next()?;
            // An & comes escaped.
            serde_json::from_str(&format!("\"{value}\"")).ok()
        };
        self.flow_token = value("flowToken").unwrap_or(self.flow_token.clone());
        self.id = value("id").unwrap_or(self.id.clone());
        // Kept until it was confirmed.
        if let Some(uri) = value("otpauthUri") {
            self.phone = Some(Authenticator::scan(&uri));
        }
    }

    fn fill(&self, command: &str) -> String {
        let code = self.phone.as_ref().map(|phone| phone.code(0));
        command
            .replace("\"FLOW_TOKEN\"", &format!("\"{}\"", self.flow_token))
            .replace("\"ID\"", &format!("\"{}\"", self.id))
            .replace("\"CODE\"", &format!("\"{}\"", code.unwrap_or_default()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o_01_every_command_of_the_readme_works() {
    let world = World::start(&environment("USHER_TEST_REDIS"), &[]).await;
    world.tenant("demo").await;
    let address = world.process.address().to_string();
    let place = programs();
    let path = format!("{}:{}", place.display(), environment("PATH"));
    let ours = commands().into_iter().filter(|command| {
        // Those of `cargo dev` start everything: CI runs them.
        !command.starts_with("cargo dev")
    });
    let (mut run, mut replies) = (0, Replies::default());
    for command in ours {
        let filled = replies
            .fill(&command)
            .replace("localhost:8080", &address)
            .replace("operator@usher.example", OPERATOR)
            .replace("\"…\"", &format!("\"{}\"", world.operator_password))
            .replace("usr_…", &world.operator.session_token);
        let output = Command::new("bash")
            .args(["-c", &filled])
            .current_dir(&place)
            .env("PATH", &path)
            .env("USHER_GATEWAY", format!("http://{address}"))
            .env("USHER_CREDENTIALS", place.join("credentials"))
            .env("USHER_PASSWORD", &world.operator_password)
            .output()
            .expect("bash runs");
        assert!(
            output.status.success(),
            "`{command}` fails:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        replies.read(&String::from_utf8_lossy(&output.stdout));
        run += 1;
    }
    assert!(run >= 6, "only {run} commands were found in the README");
    let contract = std::fs::read(place.join("usher.binpb")).expect("the descriptor set");
    assert!(!contract.is_empty(), "an empty descriptor set");
    std::fs::remove_dir_all(place).expect("the place");
    world.end().await;
}

#[test]
fn o_01_ci_runs_the_commands_that_start_everything() {
    let ci = text(".ci/run");
    let readme = text("README.md");
    for command in ["up", "test", "check", "demo"] {
        let line = format!("cargo dev {command}");
        assert!(readme.contains(&line), "{line} is not in the README");
        let runs = ci.contains(&line) || ci.contains(&format!("\nrun {command}\n"));
        assert!(runs, "CI does not run {line}");
    }
}
