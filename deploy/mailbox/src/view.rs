//! Looking at the mails: a page for people, JSON for programs.
//!
//! `GET /`, `GET /messages/1`, `GET /messages/1.eml`, `GET /api/messages[?to=address]`,
//! `DELETE /api/messages`.

mod page;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::inbox::Inbox;
use crate::json;

/// The most that is read of a request's head, in bytes.
const MOST_HEAD: u64 = 16 * 1024;

pub(crate) struct Response {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

impl Response {
    fn ok(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: "200 OK",
            kind,
            body: body.into(),
        }
    }

    fn refused(status: &'static str) -> Self {
        Self {
            status,
            kind: "text/plain",
            body: format!("{status}\n").into_bytes(),
        }
    }
}

/// Answers one request and hangs up.
pub(crate) fn serve(stream: &TcpStream, inbox: &Inbox) {
    // A browser that hangs up early is nobody's fault and nobody's to tell.
    drop(exchange(stream, inbox));
}

fn exchange(stream: &TcpStream, inbox: &Inbox) -> io::Result<()> {
    let head = head(stream)?;
    let mut words = head.first().map_or("", String::as_str).split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let response = if at_home(&head) {
        answer(method, target, inbox)
    } else {
        Response::refused("421 Misdirected Request")
    };
    send(stream, &response)
}

fn head(stream: &TcpStream) -> io::Result<Vec<String>> {
    let mut head = Vec::new();
    for line in BufReader::new(stream).take(MOST_HEAD).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    Ok(head)
}

/// Whether the request was meant for this machine. A page on the web that points its own name at
/// loopback (DNS rebinding) must not read invitation links out of a developer's mailbox.
fn at_home(head: &[String]) -> bool {
    let host = head.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    matches!(name, Some("127.0.0.1" | "localhost" | "[::1]"))
}

fn answer(method: &str, target: &str, inbox: &Inbox) -> Response {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (method, path) {
        ("GET", "/") => Response::ok("text/html; charset=utf-8", page::list(&inbox.all())),
        ("GET", "/api/messages") => {
            let mails = match parameter(query, "to") {
                Some(to) => inbox.to(&to),
                None => inbox.all(),
            };
            let mails: Vec<_> = mails.iter().map(|mail| json::mail(mail)).collect();
            Response::ok("application/json", format!("[{}]", mails.join(",")))
        }
        ("DELETE", "/api/messages") => {
            inbox.clear();
            Response {
                status: "204 No Content",
                kind: "text/plain",
                body: Vec::new(),
            }
        }
        ("GET", path) => one(path, inbox).unwrap_or(Response::refused("404 Not Found")),
        _ => Response::refused("405 Method Not Allowed"),
    }
}

fn one(path: &str, inbox: &Inbox) -> Option<Response> {
    let name = path.strip_prefix("/messages/")?;
    match name.strip_suffix(".eml") {
        Some(id) => Some(Response::ok(
            "text/plain",
            inbox.get(id.parse().ok()?)?.raw.clone(),
        )),
        None => Some(Response::ok(
            "text/html; charset=utf-8",
            page::one(&*inbox.get(name.parse().ok()?)?),
        )),
    }
}

/// A parameter of a query, percent-decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?
        .1;
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn send(mut stream: &TcpStream, response: &Response) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\n\r\n",
        response.status,
        response.kind,
        response.body.len(),
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&response.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_a_parameter() {
        assert_eq!(
            parameter("a=b&to=a%2Bb%40c.test", "to").as_deref(),
            Some("a+b@c.test")
        );
        assert_eq!(parameter("to=%f", "to").as_deref(), Some("%f"));
        assert_eq!(parameter("", "to"), None);
    }

    #[test]
    fn answers_only_to_names_of_this_machine() {
        assert!(at_home(&[
            "GET / HTTP/1.1".into(),
            "host: 127.0.0.1:8025".into()
        ]));
        assert!(!at_home(&[
            "GET / HTTP/1.1".into(),
            "Host: evil.test:8025".into()
        ]));
        assert!(!at_home(&["GET / HTTP/1.1".into()]));
    }
}
