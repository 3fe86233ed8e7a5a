//! `cargo dev demo`: the main job, told step by step at a terminal.

use std::process::ExitCode;

use clap::Parser;
use usher_tests::{
    Mails,
    demo::{self, Setting, Steps},
};

/// Walks Usher's main job on real input, from a file of people to a person who
/// is let in; exits non-zero where anything is not as it must be.
#[derive(Parser)]
struct Flags {
    /// The gateway, such as `http://127.0.0.1:8080`
    #[arg(long, env = "USHER_GATEWAY")]
    gateway: http::Uri,
    /// The mail catcher's HTTP view, such as `http://127.0.0.1:8025`
    #[arg(long, env = "USHER_MAILS")]
    mails: String,
    /// The username of an operator of the platform
    #[arg(long, env = "USHER_OPERATOR")]
    operator: String,
    /// Their password
    #[arg(long, env = "USHER_OPERATOR_PASSWORD", hide_env_values = true)]
    password: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let setting = Setting {
        gateway: rpc::Channel::remote(flags.gateway),
        mails: Mails::at(flags.mails),
        operator: flags.operator,
        password: flags.password,
    };
    match demo::run(&setting, &mut Steps::new(false)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Not as it must be: {error:#}");
            ExitCode::FAILURE
        }
    }
}
