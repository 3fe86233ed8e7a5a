//! What comes in from outside, read in one place.

use std::path::PathBuf;

/// The arguments behind the program's name.
pub(crate) fn arguments() -> Vec<String> {
    std::env::args().skip(1).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this tool has no configuration but its arguments and what the shell says"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The directories in which the shell looks for programs.
pub(crate) fn search_path() -> Vec<PathBuf> {
    variable("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default()
}
