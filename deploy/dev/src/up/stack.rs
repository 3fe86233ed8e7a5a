//! All the parts of a running Usher, started one after the other and stopped the other way round.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use mailbox::Mailbox;

use super::first::{Credentials, First};
use super::services::{self, Plan};
use super::watch::{Part, ready};
use crate::args;
use crate::build;
use crate::cluster::{Kept, Postgres, Redis, free_port};
use crate::failure::{Doing, Failure, Outcome};
use crate::interrupt;
use crate::paths::Paths;
use crate::say::{self, Step};
use crate::secrets::Secrets;
use crate::session::Session;
use crate::state::{Addresses, Note};
use crate::tools::Programs;

/// Where callers connect when nothing else is asked for.
const GATEWAY_PORT: u16 = 8080;
/// Where mail is looked at, when that port is free.
const MAIL_PORT: u16 = 8025;
/// The database of `up`.
const DATABASE: &str = "usher";
/// The longest a start is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Stack {
    note: Option<Note>,
    parts: Vec<Part>,
    mailbox: Option<Mailbox>,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    pub(super) addresses: Addresses,
    pub(super) credentials: Credentials,
    session: Session,
}

/// What Usher needs around it, private or given.
struct Around {
    mailbox: Option<Mailbox>,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    addresses: Addresses,
    /// Postgres as a service's role, `{service}` standing for its name.
    service_postgres: String,
}

impl Stack {
    pub(crate) fn start(paths: &Paths, options: &args::Up) -> Outcome<Self> {
        let session = Session::open(paths)?;
        let mut secrets = Secrets::open(paths)?;
        let Around {
            mailbox,
            redis,
            postgres,
            addresses,
            service_postgres,
        } = around(paths, options, &session, &mut secrets)?;
        services::build(paths, options.separate)?;
        let usherctl = paths.built("debug")?.join("usherctl");
        let roles = secrets.password("roles")?;
        if addresses.given {
            build::migrate(&usherctl, &addresses.postgres, &roles)?;
        } else {
            build::migrate_once(
                &usherctl,
                &addresses.postgres,
                &roles,
                &paths.data().join("migrated"),
            )?;
        }
        let plan = Plan {
            paths,
            addresses: &addresses,
            service_postgres: &service_postgres,
        };
        let recipes = if options.separate {
            plan.separate(&mut secrets)?
        } else {
            plan.suite(&mut secrets)?
        };
        let step = Step::quick("Usher");
        let parts = recipes
            .into_iter()
            .map(|recipe| Part::start(recipe, &session))
            .collect::<Outcome<Vec<_>>>()?;
        let credentials = Credentials::none();
        let mut stack = Self {
            note: None,
            parts,
            mailbox,
            redis,
            postgres,
            addresses,
            credentials,
            session,
        };
        stack.wait_until_ready()?;
        step.done();
        stack.credentials = First {
            paths,
            usherctl: &usherctl,
            addresses: &stack.addresses,
            given_postgres: stack.addresses.given_postgres(),
        }
        .steps(&mut secrets)?;
        stack.note = Some(stack.addresses.announce(paths)?);
        Ok(stack)
    }

    /// Looks after all parts until Ctrl-C.
    pub(crate) fn watch(&mut self) -> Outcome {
        while !interrupt::requested() {
            for part in &mut self.parts {
                part.look(&self.session)?;
            }
            let servers = [
                self.postgres.as_mut().and_then(Postgres::running),
                self.redis.as_mut().and_then(Redis::running),
            ];
            for server in servers.into_iter().flatten() {
                server.keep_up(&self.session)?;
            }
            (0..10).for_each(|_| interrupt::blink());
        }
        Ok(())
    }

    /// Stops in order: who calls before who is called.
    pub(crate) fn stop(mut self) {
        self.note = None;
        while let Some(part) = self.parts.pop() {
            let step = Step::quick(part.name().to_owned());
            drop(part);
            step.done();
        }
        self.mailbox = None;
        let step = Step::quick("Redis and PostgreSQL");
        self.redis = None;
        self.postgres = None;
        step.done();
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    fn wait_until_ready(&mut self) -> Outcome {
        let parts = &mut self.parts;
        let is_ready = interrupt::wait_until(PATIENCE, || {
            parts.iter_mut().try_for_each(Part::must_run)?;
            Ok(parts.iter().all(|part| ready(part.operations())))
        })?;
        if is_ready {
            return Ok(());
        }
        let late = self
            .parts
            .iter()
            .find(|part| !ready(part.operations()))
            .map_or("a service", Part::name);
        let advice = format!(
            "See {}.",
            self.parts.first().map_or(String::new(), Part::log)
        );
        Err(Failure::new(format!("{late} does not get ready")).advise(advice))
    }
}

fn around(
    paths: &Paths,
    options: &args::Up,
    session: &Session,
    secrets: &mut Secrets,
) -> Outcome<Around> {
    let programs = match (&options.postgres, &options.redis) {
        (Some(_), Some(_)) => None,
        _ => Some(Programs::servers(paths)?),
    };
    let own = |given: &Option<String>| programs.as_ref().filter(|_| given.is_none());
    let postgres = match own(&options.postgres) {
        Some(programs) => {
            let password = secrets.password("postgres")?;
            Some(Postgres::start(
                paths,
                session,
                programs,
                &paths.data(),
                &password,
                Kept::Yes,
            )?)
        }
        None => None,
    };
    let redis = match own(&options.redis) {
        Some(programs) => Some(Redis::start(
            paths,
            session,
            programs,
            &paths.data(),
            &secrets.password("redis")?,
        )?),
        None => None,
    };
    let mailbox = if options.smtp.is_some() {
        None
    } else {
        Some(catch_mail(paths)?)
    };
    let roles = secrets.password("roles")?;
    let admin = match &postgres {
        Some(own) => {
            own.database(DATABASE)?;
            own.url(DATABASE)
        }
        None => options.postgres.clone().unwrap_or_default(),
    };
    let service_postgres = as_service(&admin, &roles)?;
    let given = |given: &Option<String>| given.clone().unwrap_or_default();
    let addresses = Addresses {
        gateway: format!("127.0.0.1:{}", gateway_port(options.gateway_port)?),
        operations: format!("http://127.0.0.1:{}", free_port(None)?),
        mail: mailbox.as_ref().map(Mailbox::http_url),
        smtp: mailbox
            .as_ref()
            .map_or_else(|| given(&options.smtp), Mailbox::smtp_url),
        redis: redis
            .as_ref()
            .map_or_else(|| given(&options.redis), Redis::url),
        postgres: admin,
        given: options.postgres.is_some(),
    };
    Ok(Around {
        mailbox,
        redis,
        postgres,
        addresses,
        service_postgres,
    })
}

fn catch_mail(paths: &Paths) -> Outcome<Mailbox> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let view = free_port(Some(MAIL_PORT))?;
    Mailbox::start(local(0), local(view), Some(paths.dev("mail"))).doing("start the mail catcher")
}

fn gateway_port(asked: Option<u16>) -> Outcome<u16> {
    let port = free_port(Some(asked.unwrap_or(GATEWAY_PORT)))?;
    match asked {
        Some(asked) if asked != port => Err(Failure::new(format!("port {asked} is taken"))),
        None if port != GATEWAY_PORT => {
            say::note(format!("port {GATEWAY_PORT} is taken; Usher is at {port}"));
            Ok(port)
        }
        _ => Ok(port),
    }
}

/// The same database as a service's role.
fn as_service(admin: &str, password: &str) -> Outcome<String> {
    let (scheme, rest) = admin
        .split_once("://")
        .ok_or_else(|| Failure::new("that is no URL of a PostgreSQL"))?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    Ok(format!(
        "{scheme}://usher_{{service}}:{password}@{}",
        &rest[user..]
    ))
}

#[cfg(test)]
mod tests {
    use super::as_service;

    #[test]
    fn keeps_the_place_and_changes_the_user() {
        let url = as_service("postgres://me:p@ss@db.test:5433/usher?sslmode=require", "x")
            .expect("a URL");
        assert_eq!(
            url,
            "postgres://usher_{service}:x@db.test:5433/usher?sslmode=require"
        );
        let url = as_service("postgresql://localhost/usher?user=a@b", "x").expect("a URL");
        assert_eq!(
            url,
            "postgresql://usher_{service}:x@localhost/usher?user=a@b"
        );
    }
}
