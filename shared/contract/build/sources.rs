//! Where the .proto files are: ours in `proto/`, those of others inside crates
//! whose packages carry them. Cargo downloads and checks those packages like
//! any other dependency, but never builds them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Result;

/// Each package with the folder in it from which imports are resolved.
const CARRIERS: [(&str, &str); 2] = [
    ("prost-protovalidate-types", "proto"),
    ("envoy-types", "proto/googleapis"),
];

/// The folders in which imports are looked up.
pub fn includes(ours: &Path) -> Result<Vec<PathBuf>> {
    let packages = packages()?;
    let mut includes = vec![ours.to_owned()];
    for (name, folder) in CARRIERS {
        let manifest = packages
            .iter()
            .find(|package| package["name"] == name)
            .and_then(|package| package["manifest_path"].as_str())
            .ok_or_else(|| format!("Cargo.lock does not name the package {name}"))?;
        let folder = Path::new(manifest).with_file_name(folder);
        if !folder.is_dir() {
            return Err(format!(
                "{name} no longer has its .proto files in {}",
                folder.display()
            )
            .into());
        }
        includes.push(folder);
    }
    Ok(includes)
}

/// Every .proto file under a folder, in the order of their names.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The packages of Cargo.lock with the places where cargo unpacked them.
fn packages() -> Result<Vec<Value>> {
    let host = env::var("HOST")?;
    // With the packages of this platform only, and without the network: what a
    // build has already. Else all there is, and from the network.
    let tries: [&[&str]; 3] = [
        &["--offline", "--filter-platform", &host],
        &["--offline"],
        &[],
    ];
    let mut complaint = String::new();
    for extra in tries {
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(extra)
            .env("CARGO_ENCODED_RUSTFLAGS", "--cfg=usher_proto_sources")
            .current_dir(env::var("CARGO_MANIFEST_DIR")?)
            .output()?;
        if output.status.success() {
            let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
            if let Value::Array(packages) = metadata["packages"].take()
                && CARRIERS
                    .iter()
                    .all(|(name, _)| packages.iter().any(|package| package["name"] == *name))
            {
                return Ok(packages);
            }
        }
        complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Err(format!("cannot find the packages that carry the imported .proto files; run `cargo fetch`\n{complaint}").into())
}
