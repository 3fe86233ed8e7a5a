//! Authorization alone in a process.

use std::process::ExitCode;

fn main() -> ExitCode {
    boot::main::<usher_authorization::Authorization>()
}
