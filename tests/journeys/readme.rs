//! The README tells the truth: each of its commands works as it stands there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use testkit::environment;
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

/// The commands in the shell blocks of the README, each on one line.
fn commands() -> Vec<String> {
    let readme = text("README.md");
    let blocks = readme.split("```").skip(1).step_by(2);
    let shell = blocks.filter_map(|block| block.strip_prefix("sh\n"));
    shell
        .flat_map(|block| {
            let joined = block.replace("\\\n", " ");
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
    let mut run = 0;
    for command in ours {
        let filled = command
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
