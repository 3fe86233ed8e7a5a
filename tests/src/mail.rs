//! Looking into the mail catcher.

use anyhow::{Context, Result, ensure};
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::Value;

/// The HTTP view of a mail catcher.
#[derive(Clone, Debug)]
pub struct Mails {
    url: String,
}

/// A caught mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The recipients.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain-text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The Message-ID: a mail sent twice has the same.
    pub message_id: String,
}

impl Mail {
    /// The secret of the link in the mail: what follows its `#`.
    pub fn token(&self) -> Result<String> {
        let (_, rest) = self
            .text
            .split_once('#')
            .context("the mail holds no link with a secret")?;
        let token: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c))
            .collect();
        ensure!(token.len() >= 32, "the secret in the mail is too short");
        Ok(token)
    }
}

impl Mails {
    /// The catcher at an address such as `http://127.0.0.1:8025`.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }

    /// All mails, oldest first.
    pub async fn all(&self) -> Result<Vec<Mail>> {
        self.get("/api/messages").await
    }

    /// All mails to one address, oldest first.
    pub async fn to(&self, address: &str) -> Result<Vec<Mail>> {
        self.get(&format!("/api/messages?to={}", address.replace('+', "%2B")))
            .await
    }

    async fn get(&self, path: &str) -> Result<Vec<Mail>> {
        let uri: Uri = format!("{}{path}", self.url)
            .parse()
            .context("the catcher's address")?;
        let authority = uri
            .authority()
            .context("the catcher's address has no host")?
            .clone();
        let stream = tokio::net::TcpStream::connect(authority.as_str())
            .await
            .context("the mail catcher is away")?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header("host", authority.as_str())
            .header("connection", "close")
            .body(Empty::<bytes::Bytes>::new())?;
        let reply = sender.send_request(request).await?;
        ensure!(
            reply.status().is_success(),
            "the mail catcher answers {}",
            reply.status()
        );
        let body = reply.into_body().collect().await?.to_bytes();
        driver.abort();
        let list: Vec<Value> =
            serde_json::from_slice(&body).context("the catcher's list is no JSON")?;
        Ok(list.iter().map(read).collect())
    }
}

fn read(value: &Value) -> Mail {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let to = value["to"].as_array().map(|list| {
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    });
    Mail {
        to: to.unwrap_or_default(),
        subject: text("subject"),
        text: text("text"),
        html: text("html"),
        message_id: message_id(&text("raw")),
    }
}

/// The Message-ID among the headers of a mail as it came over the wire.
fn message_id(raw: &str) -> String {
    let headers = raw.split("\r\n\r\n").next().unwrap_or_default();
    let line = headers
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    line.and_then(|line| line.split_once(':'))
        .map(|(_, id)| id.trim().to_owned())
        .unwrap_or_default()
}
