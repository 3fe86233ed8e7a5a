//! The whole suite in one process: development, tests, small installations.

use std::process::ExitCode;

fn main() -> ExitCode {
    usher_suite::main()
}
