//! The invitation service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    boot::main::<usher_invitation::Invitation>()
}
