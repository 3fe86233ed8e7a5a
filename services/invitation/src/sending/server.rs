//! The mail server, over a few connections that are kept.
//!
//! The conversation is lettre's, the connections are kept here and not in
//! lettre's pool, for two reasons: lettre's asynchronous connections wait for
//! an answer without end, and its pool takes back a connection whose user was
//! cut off in the middle of an answer, which the next user would take for its
//! own. Here every answer has its time, and a connection comes back only after
//! a whole conversation.

mod place;

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lettre::{
    Address, Message,
    address::Envelope,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use tokio::time::Instant;

use place::{Place, Security};

/// To connect, greet, encrypt and log in.
const CONNECT: Duration = Duration::from_secs(20);
/// For the answer to a command.
const COMMAND: Duration = Duration::from_secs(30);
/// For the answer to a mail. A mail given up here may have been taken, so this
/// is long: filters take their time.
const ACCEPT: Duration = Duration::from_mins(2);
/// How long an unused connection is kept. Servers close it after minutes.
const IDLE: Duration = Duration::from_secs(30);

/// What came of handing a mail over, with the server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server took it.
    Sent(String),
    /// It may work later: 4xx, or no connection, or no answer.
    Later(String),
    /// It will never work: 5xx about this mail.
    Never(String),
}

/// A mail server.
pub(super) struct Server {
    place: Place,
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    hello: ClientId,
    keep: usize,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// Why a conversation ended early.
struct Trouble {
    /// A 5xx. All else may pass.
    lasting: bool,
    /// The server closes the connection, or it is broken already.
    over: bool,
    answer: String,
}

impl Server {
    /// The server of a URL; `keep` connections are kept. Says what is wrong
    /// with a URL without quoting it: it holds a password.
    pub(super) fn new(url: &str, keep: usize) -> Result<Server, String> {
        let (place, login) = place::read(url)?;
        let tls = match place.security {
            Security::None => None,
            // Without root certificates there is no TLS, and none is demanded.
            Security::Opportunistic => TlsParameters::new(place.host.clone()).ok(),
            Security::Required | Security::Wrapped => {
                let tls = TlsParameters::new(place.host.clone());
                Some(tls.map_err(|error| format!("asks for TLS, which cannot be had: {error}"))?)
            }
        };
        Ok(Server {
            place,
            tls,
            login,
            hello: ClientId::default(),
            keep,
            idle: Mutex::default(),
        })
    }

    /// Hands a mail over. Never cut this off where its verdict matters.
    pub(super) async fn send(&self, message: &Message) -> Verdict {
        let mail = message.formatted();
        if let Some(mut kept) = self.kept() {
            match begin(&mut kept, message.envelope()).await {
                // Closed while it lay idle, or tired of us: a new one is no second try.
                Err(trouble) if trouble.over => {}
                begun => return self.converse(kept, begun, message.envelope(), &mail).await,
            }
        }
        match tokio::time::timeout(CONNECT, self.connect()).await {
            Ok(Ok(mut fresh)) => {
                let begun = begin(&mut fresh, message.envelope()).await;
                self.converse(fresh, begun, message.envelope(), &mail).await
            }
            // Whatever the server says before it heard of the mail is not about the mail.
            Ok(Err(error)) => Verdict::Later(describe(&error)),
            Err(_) => Verdict::Later("the mail server does not answer".into()),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let at = (self.place.host.as_str(), self.place.port);
        let wrapped = self
            .tls
            .clone()
            .filter(|_| self.place.security == Security::Wrapped);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(at, Some(CONNECT), &self.hello, wrapped, None)
                .await?;
        let upgrade = match self.place.security {
            Security::Required => true,
            Security::Opportunistic => connection.can_starttls(),
            Security::None | Security::Wrapped => false,
        };
        if let Some(tls) = self.tls.clone().filter(|_| upgrade) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }

    /// The conversation after its first command.
    async fn converse(
        &self,
        mut connection: AsyncSmtpConnection,
        begun: Result<(), Trouble>,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Verdict {
        let taken = match begun {
            Ok(()) => hand_over(&mut connection, envelope, mail).await,
            Err(trouble) => Err(trouble),
        };
        match taken {
            Ok(answer) => {
                self.keep(connection);
                Verdict::Sent(answer)
            }
            Err(trouble) => {
                if !trouble.over && within(COMMAND, connection.command(Rset)).await.is_ok() {
                    self.keep(connection);
                }
                if trouble.lasting {
                    Verdict::Never(trouble.answer)
                } else {
                    Verdict::Later(trouble.answer)
                }
            }
        }
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The one used last first; the older ones grow too old.
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.keep {
            idle.push((connection, Instant::now()));
        }
    }
}

async fn begin(connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Trouble> {
    let ascii = |address: &Address| address.to_string().is_ascii();
    let addressed = envelope.from().into_iter().chain(envelope.to().first());
    let (needed, wanted) = (
        !addressed.clone().all(ascii),
        !envelope.from().into_iter().chain(envelope.to()).all(ascii),
    );
    let supported = connection
        .server_info()
        .supports_feature(Extension::SmtpUtfEight);
    let mut parameters = Vec::new();
    if wanted && (needed || supported) {
        if !supported {
            let answer = "the mail server takes no addresses with these letters (SMTPUTF8)".into();
            return Err(Trouble {
                lasting: true,
                over: false,
                answer,
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    within(
        COMMAND,
        connection.command(Mail::new(envelope.from().cloned(), parameters)),
    )
    .await?;
    Ok(())
}

/// Hands a mail over to whom it is for, who comes first. That one who gets a
/// copy is refused is noted in the answer, and no failure of the mail: what it
/// brings is in force already.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    mail: &[u8],
) -> Result<String, Trouble> {
    let mut without_copy = String::new();
    for (number, to) in envelope.to().iter().enumerate() {
        let rcpt = connection.command(Rcpt::new(to.clone(), Vec::new()));
        match within(COMMAND, rcpt).await {
            Ok(_) => {}
            Err(trouble) if number == 0 || trouble.over => return Err(trouble),
            Err(trouble) => without_copy = format!("; without a copy: {}", trouble.answer),
        }
    }
    within(COMMAND, connection.command(Data)).await?;
    let answer = within(ACCEPT, connection.message(mail)).await?;
    let words: Vec<&str> = answer.message().collect();
    Ok(format!(
        "{} {}{without_copy}",
        answer.code(),
        words.join(" ")
    ))
}

async fn within(
    time: Duration,
    asked: impl Future<Output = Result<Response, SmtpError>>,
) -> Result<Response, Trouble> {
    match tokio::time::timeout(time, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble {
            lasting: error.is_permanent(),
            // 421: the service closes the connection (RFC 5321, section 4.2.3).
            over: error.status().is_none_or(|code| code.to_string() == "421"),
            answer: describe(&error),
        }),
        Err(_) => Err(Trouble {
            lasting: false,
            over: true,
            answer: "the mail server does not answer".into(),
        }),
    }
}

/// The server's own words where it said any.
fn describe(error: &SmtpError) -> String {
    let words = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    match error.status() {
        Some(code) => format!("{code} {words}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
