//! The contract: its style, and whether clients of the last commit on main still fit.
//!
//! `buf` is given images (descriptor sets) that the contract crate compiles, so neither needs the
//! network nor `protoc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Verdict;
use crate::build;
use crate::failure::{Doing, Failure, Outcome};
use crate::paths::{self, Paths};
use crate::run;
use crate::tools;

pub(super) fn lint(paths: &Paths) -> Outcome<Verdict> {
    let buf = tools::buf(paths)?;
    let image = image(paths, None)?;
    let mut lint = buf_command(paths, &buf);
    // The image holds imports too, whose style is not ours.
    lint.arg("lint").arg(&image).args(["--path", "usher"]);
    satisfied(&mut lint, "the contract breaks its rules of style")?;
    Ok(Verdict::Passed)
}

pub(super) fn breaking(paths: &Paths) -> Outcome<Verdict> {
    let Some(base) = base(paths)? else {
        return Ok(Verdict::Skipped(
            "there is no earlier commit on main".to_owned(),
        ));
    };
    let old = paths.dev("old-contract");
    paths::remove(&old)?;
    if !checked_out(paths, &base, &old)? {
        return Ok(Verdict::Skipped(format!("{base} has no contract yet")));
    }
    let buf = tools::buf(paths)?;
    let (before, after) = (image(paths, Some(&old.join("proto")))?, image(paths, None)?);
    paths::remove(&old)?;
    let mut compare = buf_command(paths, &buf);
    compare
        .arg("breaking")
        .arg(after)
        .arg("--against")
        .arg(before);
    satisfied(&mut compare, &format!("clients of {base} would break"))?;
    Ok(Verdict::PassedOn(format!(
        "against {}",
        base.get(..12).unwrap_or(&base)
    )))
}

/// buf says what it does not like on standard output.
fn satisfied(buf: &mut Command, complaint: &str) -> Outcome {
    let output = buf.output().doing("run buf")?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Failure::new(complaint).advise(String::from_utf8_lossy(&said).trim_end()))
}

fn buf_command(paths: &Paths, buf: &Path) -> Command {
    let mut command = Command::new(buf);
    // A cache in the home directory would be all it keeps there; it needs none.
    command
        .current_dir(paths.root())
        .env("BUF_CACHE_DIR", paths.dev("buf"))
        .stdin(Stdio::null());
    command
}

/// The contract in this folder, or the one of the working tree, compiled with its imports.
fn image(paths: &Paths, protos: Option<&Path>) -> Outcome<PathBuf> {
    let file = paths.dev(if protos.is_some() {
        "old-contract.binpb"
    } else {
        "contract.binpb"
    });
    let mut compile = build::cargo(paths);
    compile
        .args([
            "run",
            "--package",
            "usher-contract",
            "--example",
            "image",
            "--",
        ])
        .args(protos);
    let into = fs::File::create(&file).doing(format_args!("write {}", file.display()))?;
    run::done(compile.stdout(into))?;
    Ok(file)
}

/// The commit to compare with: what main was before this work. On main itself that is the last
/// commit while there are changes, and the one before it when there are none.
fn base(paths: &Paths) -> Outcome<Option<String>> {
    let branch = git(paths, &["rev-parse", "--abbrev-ref", "HEAD"])?;
    let main = ["main", "origin/main"]
        .into_iter()
        .find(|name| git(paths, &["rev-parse", "--verify", "--quiet", name]).is_ok());
    let here = git(paths, &["rev-parse", "HEAD"])?;
    let apart = main
        .filter(|_| branch != "main")
        .and_then(|main| git(paths, &["merge-base", main, "HEAD"]).ok());
    if let Some(apart) = apart.filter(|apart| *apart != here) {
        return Ok(Some(apart));
    }
    if !git(paths, &["status", "--porcelain", "--", "proto"])?.is_empty() {
        return Ok(Some(here));
    }
    Ok(git(paths, &["rev-parse", "--verify", "--quiet", "HEAD~1"]).ok())
}

/// Puts the contract of a commit into a folder. False when it has none.
fn checked_out(paths: &Paths, commit: &str, into: &Path) -> Outcome<bool> {
    paths::make(into)?;
    let packed = into.join("proto.tar");
    let file = packed.to_string_lossy();
    if git(
        paths,
        &[
            "archive", "--format", "tar", "--output", &file, commit, "proto",
        ],
    )
    .is_err()
    {
        return Ok(false);
    }
    run::output(
        Command::new("tar")
            .arg("-xf")
            .arg(&packed)
            .arg("-C")
            .arg(into),
    )?;
    Ok(into.join("proto").is_dir())
}

fn git(paths: &Paths, arguments: &[&str]) -> Outcome<String> {
    let said = run::output(
        Command::new("git")
            .current_dir(paths.root())
            .args(arguments),
    )?;
    Ok(said.trim().to_owned())
}
