//! `cargo dev demo`: the main job on real input, against the `up` that runs, or one of its own.

use std::process::ExitCode;

use crate::args;
use crate::build;
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::paths::Paths;
use crate::run;
use crate::say;
use crate::state::Addresses;
use crate::up::{Credentials, Stack};

pub(crate) fn run(paths: &Paths, rest: &[String]) -> Outcome<ExitCode> {
    let running = Addresses::live(paths);
    let stack = match &running {
        Some(addresses) => {
            say::note(format!(
                "using the Usher that runs at {}",
                addresses.gateway
            ));
            None
        }
        None => Some(Stack::start(paths, &args::Up::default())?),
    };
    let addresses = running.as_ref().or(stack.as_ref().map(Stack::addresses));
    let code = addresses.map_or(Ok(ExitCode::FAILURE), |addresses| {
        show(paths, addresses, rest)
    });
    if let Some(stack) = stack {
        stack.stop();
    }
    code
}

fn show(paths: &Paths, addresses: &Addresses, rest: &[String]) -> Outcome<ExitCode> {
    let Some(mail) = &addresses.mail else {
        let advice = "Run `cargo dev up` without --smtp: the demo reads the mails.";
        return Err(Failure::new("mail is not caught").advise(advice));
    };
    let operator = Credentials::kept(paths, addresses.given_postgres())
        .ok_or_else(|| Failure::new("the operator's password is not known"))?;
    build::build(paths, &["-p", "usher-tests", "--bin", "demo"])?;
    let mut demo = std::process::Command::new(paths.built("debug")?.join("demo"));
    demo.args(rest)
        .current_dir(paths.root())
        .env("USHER_GATEWAY", format!("http://{}", addresses.gateway))
        .env("USHER_MAILS", mail)
        .env("USHER_OPERATOR", operator.operator)
        .env("USHER_OPERATOR_PASSWORD", operator.password);
    let status = run::status(&mut demo)?;
    interrupt::check()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
