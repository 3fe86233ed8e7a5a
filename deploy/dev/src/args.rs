//! The command line.

mod help;

use crate::failure::{Failure, Outcome, USAGE};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help(&'static str),
    Up(Up),
    Test(Test),
    Check,
    Demo(Vec<String>),
    Bench(Vec<String>),
    Sqlx,
    Reset,
}

/// What `up` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Up {
    pub(crate) separate: bool,
    pub(crate) postgres: Option<String>,
    pub(crate) redis: Option<String>,
    pub(crate) smtp: Option<String>,
    pub(crate) gateway_port: Option<u16>,
}

/// What `test` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Test {
    /// Parts of names of tests; all tests without any.
    pub(crate) filters: Vec<String>,
    /// Passed on to nextest.
    pub(crate) rest: Vec<String>,
}

pub(crate) fn parse(arguments: &[String]) -> Outcome<Command> {
    let Some((name, rest)) = arguments.split_first() else {
        return Ok(Command::Help(help::ALL));
    };
    let asks_help = rest
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--help" || word == "-h");
    match name.as_str() {
        "help" | "--help" | "-h" => help::about(rest.first().map(String::as_str)),
        name if asks_help => help::about(Some(name)),
        "up" => up(rest),
        "test" => test(rest),
        "check" => nothing_more(rest, Command::Check),
        "demo" => Ok(Command::Demo(passed_on(rest))),
        "bench" => Ok(Command::Bench(passed_on(rest))),
        "sqlx" => nothing_more(rest, Command::Sqlx),
        "reset" => nothing_more(rest, Command::Reset),
        other => Err(usage(format!("there is no command `{other}`"), None)),
    }
    .map_err(|failure: Failure| {
        if failure.advice().is_some() {
            failure
        } else {
            failure.advise(see(name))
        }
    })
}

fn up(rest: &[String]) -> Outcome<Command> {
    let mut up = Up::default();
    let mut words = Words { rest: rest.iter() };
    while let Some((name, value)) = words.option()? {
        match name {
            "--separate" => up.separate = true,
            "--postgres" => {
                up.postgres = Some(url(
                    name,
                    words.value(name, value)?,
                    &["postgres://", "postgresql://"],
                )?);
            }
            "--redis" => {
                up.redis = Some(url(
                    name,
                    words.value(name, value)?,
                    &["redis://", "rediss://"],
                )?);
            }
            "--smtp" => {
                up.smtp = Some(url(
                    name,
                    words.value(name, value)?,
                    &["smtp://", "smtps://"],
                )?);
            }
            "--gateway-port" => {
                let port = words.value(name, value)?;
                let not_one = |_| {
                    usage(
                        format!("--gateway-port {port} is no port: give 1 to 65535"),
                        Some("up"),
                    )
                };
                up.gateway_port =
                    Some(port.parse::<std::num::NonZeroU16>().map_err(not_one)?.get());
            }
            other => return Err(usage(format!("`up` has no option `{other}`"), Some("up"))),
        }
    }
    Ok(Command::Up(up))
}

fn test(rest: &[String]) -> Outcome<Command> {
    let end = rest
        .iter()
        .position(|word| word == "--")
        .unwrap_or(rest.len());
    let filters = rest[..end].to_vec();
    if let Some(option) = filters.iter().find(|word| word.starts_with('-')) {
        let message = format!("`test` has no option `{option}`; options of nextest go behind `--`");
        return Err(usage(message, Some("test")));
    }
    Ok(Command::Test(Test {
        filters,
        rest: passed_on(&rest[end..]),
    }))
}

fn nothing_more(rest: &[String], command: Command) -> Outcome<Command> {
    match rest.first() {
        None => Ok(command),
        Some(word) => Err(usage(format!("nothing is known about `{word}` here"), None)),
    }
}

/// Everything, without the `--` that may stand before it.
fn passed_on(rest: &[String]) -> Vec<String> {
    rest.iter()
        .enumerate()
        .filter(|(at, word)| *at != 0 || *word != "--")
        .map(|(_, word)| word.clone())
        .collect()
}

fn url(option: &str, value: String, schemes: &[&str]) -> Outcome<String> {
    if schemes.iter().any(|scheme| value.starts_with(scheme)) {
        return Ok(value);
    }
    Err(usage(
        format!(
            "{option} wants a URL that starts with {}",
            schemes.join(" or ")
        ),
        Some("up"),
    ))
}

/// `--name value`, `--name=value` and `--name`, one after the other.
struct Words<'a> {
    rest: std::slice::Iter<'a, String>,
}

impl<'a> Words<'a> {
    fn option(&mut self) -> Outcome<Option<(&'a str, Option<&'a str>)>> {
        let Some(word) = self.rest.next() else {
            return Ok(None);
        };
        if !word.starts_with("--") {
            return Err(usage(format!("nothing is known about `{word}` here"), None));
        }
        Ok(Some(
            word.split_once('=')
                .map_or((word.as_str(), None), |(name, value)| (name, Some(value))),
        ))
    }

    fn value(&mut self, name: &str, given: Option<&str>) -> Outcome<String> {
        let next = given.or_else(|| self.rest.next().map(String::as_str));
        next.map(str::to_owned)
            .ok_or_else(|| usage(format!("{name} wants a value"), None))
    }
}

fn usage(message: String, about: Option<&str>) -> Failure {
    let failure = Failure::new(message).exit(USAGE);
    match about {
        Some(name) => failure.advise(see(name)),
        None => failure,
    }
}

fn see(name: &str) -> String {
    match help::about(Some(name)) {
        Ok(_) => format!("See `cargo dev help {name}`."),
        Err(_) => "See `cargo dev help`.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<Command> {
        parse(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn understands_what_the_help_shows() {
        let up = parsed("up --separate --postgres postgres://a@b/c --gateway-port=9000")
            .expect("parses");
        let Command::Up(up) = up else {
            panic!("{up:?}")
        };
        assert!(up.separate && up.gateway_port == Some(9000) && up.redis.is_none());
        let test = parsed("test lockout -- --no-capture").expect("parses");
        assert_eq!(
            test,
            Command::Test(Test {
                filters: vec!["lockout".into()],
                rest: vec!["--no-capture".into()]
            })
        );
        assert_eq!(
            parsed("bench check --json").expect("parses"),
            Command::Bench(vec!["check".into(), "--json".into()])
        );
        assert!(matches!(parsed("check --help"), Ok(Command::Help(_))));
        assert!(matches!(parsed(""), Ok(Command::Help(_))));
    }

    #[test]
    fn refuses_nonsense_and_says_where_to_look() {
        for line in [
            "fly",
            "up now",
            "up --port 1",
            "up --gateway-port 0",
            "up --redis 127.0.0.1",
            "up --smtp",
            "check x",
        ] {
            let failure = parsed(line).expect_err(line);
            assert_eq!(failure.code(), USAGE, "{line}");
            assert!(
                failure
                    .advice()
                    .is_some_and(|advice| advice.contains("cargo dev help")),
                "{line}"
            );
        }
    }
}
