//! The order of the crates.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// From the bottom up: a crate depends only on those before it.
const ORDER: [&[&str]; 9] = [
    &["usher-contract"],
    &["usher-rpc"],
    &["usher-store"],
    &["usher-feed"],
    &["usher-boot"],
    // A service never depends on another.
    &[
        "usher-identity",
        "usher-authorization",
        "usher-invitation",
        "usher-importer",
        "usher-gateway",
    ],
    &["usher-suite"],
    &["usher-usherctl"],
    &["usher-tests"],
];

#[test]
fn crates_depend_only_downwards() {
    let rank: BTreeMap<_, _> = ORDER
        .iter()
        .enumerate()
        .flat_map(|(rank, names)| names.iter().map(move |&name| (name, rank)))
        .collect();
    for (package, needs) in dependencies() {
        let Some(own) = rank.get(package.as_str()) else {
            continue;
        };
        for need in needs
            .iter()
            .filter_map(|need| rank.get(need.as_str()).map(|rank| (need, rank)))
        {
            assert!(need.1 < own, "{package} must not depend on {}", need.0);
        }
    }
}

/// The packages of the workspace and what they need to be built; what only
/// their tests need may be above them.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("its JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let names = |package: &Value| {
        let needs = package["dependencies"].as_array().expect("dependencies");
        let built = needs
            .iter()
            .filter(|need| need["kind"].as_str() != Some("dev"));
        built
            .filter_map(|need| need["name"].as_str().map(str::to_owned))
            .collect()
    };
    packages
        .iter()
        .filter_map(|one| Some((one["name"].as_str()?.to_owned(), names(one))))
        .collect()
}
