//! usherctl: operate Usher from a terminal.
//!
//! Every command but `migrate` is a call or a few through the gateway, with no
//! right that its user does not have. One file per group of commands in
//! `commands/`; how results and errors look is in `print.rs` and `failure.rs`.

mod client;
mod commands;
mod confirm;
mod credentials;
mod failure;
mod names;
mod pages;
mod password;
mod print;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use crate::{
    client::Client, commands::Command, credentials::Credentials, failure::Failure, print::Printer,
};

const AFTER: &str = "\
Examples:
  usherctl login platform ops@example.com
  usherctl tenants create acme --display-name 'Acme GmbH' --role-set standard
  usherctl --tenant acme license set 150
  usherctl import upload people.csv
  usherctl import rows 0198f3c2-… --state wrong
  usherctl import commit 0198f3c2-… --watch
  usherctl users list --query ada --output json

Exit codes (as in sysexits.h):
  0 done · 1 `check` or `audit verify` says no · 64 wrong usage · 65 refused:
  the request breaks a rule, or names what is not there · 69 the gateway does
  not answer · 70 a fault of Usher · 74 a file cannot be read or written · 75
  try again later · 77 not signed in, or not allowed";

/// Operates Usher from a terminal
#[derive(Parser)]
#[command(name = "usherctl", version, after_help = AFTER, propagate_version = true)]
struct Cli {
    /// Where the gateway is
    #[arg(
        long,
        global = true,
        env = "USHER_GATEWAY",
        value_parser = gateway,
        default_value = "http://127.0.0.1:8080"
    )]
    gateway: tonic::transport::Uri,
    /// The tenant to act in, by short name or id, for operators of the
    /// platform
    #[arg(long, global = true, env = "USHER_TENANT")]
    tenant: Option<String>,
    /// A session token or an API key, instead of the token that `login` stored
    #[arg(long, global = true, env = "USHER_TOKEN", hide_env_values = true)]
    session_token: Option<String>,
    /// The file in which `login` stores tokens [default: ~/.config/usher/credentials]
    #[arg(long, global = true, env = "USHER_CREDENTIALS", value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// How results are written
    #[arg(long, global = true, default_value = "table")]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// An address with or without `http://` before it.
fn gateway(text: &str) -> Result<tonic::transport::Uri, String> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    whole
        .parse()
        .map_err(|_| "not an address such as http://127.0.0.1:8080".to_owned())
}

/// The forms of a result.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table for people.
    Table,
    /// JSON, as the gateway answers it over HTTP.
    Json,
}

/// What every command has at hand.
struct Session {
    client: Client,
    credentials: Credentials,
    print: Printer,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    match run(cli).await {
        Ok(code) => code,
        Err(failure) => {
            if !matches!(failure, Failure::Enough) {
                eprintln!("{failure}");
            }
            failure.exit_code()
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let credentials = Credentials::at(cli.credentials, &cli.gateway)?;
    let token = match cli.session_token {
        Some(token) => Some(token),
        None => credentials.token()?,
    };
    let client = Client::new(cli.gateway, token, cli.tenant)?;
    let session = Session {
        client,
        credentials,
        print: Printer::new(cli.output == Output::Json),
    };
    cli.command.run(&session).await
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_flags_fit_together() {
        Cli::command().debug_assert();
    }
}
