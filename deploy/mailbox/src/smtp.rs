//! The receiving side of SMTP: RFC 5321, with 1870 (SIZE), 2920 (PIPELINING) and 6152 (8BITMIME).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::fault::{Blow, Verb};
use crate::inbox::Inbox;

/// The largest mail taken, in bytes.
const MOST_BYTES: usize = 25 * 1024 * 1024;
/// The longest line taken, in bytes; RFC 5321 asks for 1,000 at least.
const LONGEST_LINE: u64 = 64 * 1024;
/// Most recipients of one mail; RFC 5321 asks for 100 at least.
const MOST_RECIPIENTS: usize = 100;

/// Serves one connection until the client quits, hangs up or a fault cuts it.
pub(crate) fn serve(stream: &TcpStream, inbox: &Inbox) {
    let mut session = Session {
        reader: BufReader::new(stream),
        writer: stream,
        inbox,
        greeted: false,
        mail: None,
    };
    // However a connection ends, there is nobody left to tell.
    drop(session.run());
}

struct Session<'a> {
    reader: BufReader<&'a TcpStream>,
    writer: &'a TcpStream,
    inbox: &'a Inbox,
    greeted: bool,
    mail: Option<Envelope>,
}

#[derive(Default)]
struct Envelope {
    from: String,
    to: Vec<String>,
}

/// What a command leads to.
enum Next {
    Say(&'static str),
    Struck(Blow),
    TakeBody,
    Quit,
}

impl Session<'_> {
    fn run(&mut self) -> io::Result<()> {
        let greeting = self
            .struck(Verb::Connect)
            .unwrap_or(Next::Say("220 mailbox.localhost ESMTP, delivers nothing"));
        if !self.carry_out(greeting)? {
            return Ok(());
        }
        while let Some(line) = self.line()? {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let next = self.command(&line);
            if !self.carry_out(next)? {
                break;
            }
        }
        Ok(())
    }

    /// False when the connection is over.
    fn carry_out(&mut self, next: Next) -> io::Result<bool> {
        match next {
            Next::Say(reply) => self.say(reply)?,
            Next::Struck(Blow::Reply(reply)) => {
                self.say(&reply)?;
                return Ok(!reply.starts_with("421"));
            }
            Next::Struck(Blow::Drop) => return Ok(false),
            Next::Struck(Blow::Silence(time)) => {
                be_silent(time);
                return Ok(false);
            }
            Next::TakeBody => return self.take_body(),
            Next::Quit => {
                self.say("221 2.0.0 bye")?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn command(&mut self, line: &str) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => self.hello(verb),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest),
            "DATA" => self.data(),
            "RSET" => {
                self.mail = None;
                Next::Say("250 2.0.0 forgotten")
            }
            "NOOP" => Next::Say("250 2.0.0 ok"),
            "VRFY" => Next::Say("252 2.1.5 send it and see"),
            "QUIT" => Next::Quit,
            _ => Next::Say("502 5.5.1 not known here"),
        }
    }

    fn hello(&mut self, verb: &str) -> Next {
        if let Some(struck) = self.struck(Verb::Hello) {
            return struck;
        }
        self.greeted = true;
        self.mail = None;
        if verb.eq_ignore_ascii_case("HELO") {
            return Next::Say("250 mailbox.localhost");
        }
        Next::Say(
            "250-mailbox.localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 26214400",
        )
    }

    fn mail(&mut self, rest: &str) -> Next {
        if let Some(struck) = self.struck(Verb::Mail) {
            return struck;
        }
        if !self.greeted || self.mail.is_some() {
            return Next::Say("503 5.5.1 not now");
        }
        let Some((from, parameters)) = path(rest, "FROM:") else {
            return Next::Say("501 5.5.4 that is no MAIL FROM:<address>");
        };
        let size = parameters.split(' ').find_map(|word| {
            word.to_ascii_uppercase()
                .strip_prefix("SIZE=")?
                .parse()
                .ok()
        });
        if size.is_some_and(|size: usize| size > MOST_BYTES) {
            return Next::Say("552 5.3.4 too large");
        }
        self.mail = Some(Envelope {
            from: from.to_owned(),
            to: Vec::new(),
        });
        Next::Say("250 2.1.0 ok")
    }

    fn recipient(&mut self, rest: &str) -> Next {
        let to = path(rest, "TO:").map_or("", |(to, _)| to).to_owned();
        if let Some(blow) = self
            .inbox
            .faults()
            .strike(Verb::Rcpt, std::slice::from_ref(&to))
        {
            return Next::Struck(blow);
        }
        match &mut self.mail {
            None => Next::Say("503 5.5.1 MAIL first"),
            Some(_) if to.is_empty() => Next::Say("501 5.5.4 that is no RCPT TO:<address>"),
            Some(mail) if mail.to.len() >= MOST_RECIPIENTS => {
                Next::Say("452 4.5.3 too many recipients")
            }
            Some(mail) => {
                mail.to.push(to);
                Next::Say("250 2.1.5 ok")
            }
        }
    }

    fn data(&mut self) -> Next {
        if self.mail.as_ref().is_none_or(|mail| mail.to.is_empty()) {
            return Next::Say("503 5.5.1 MAIL and RCPT first");
        }
        self.struck(Verb::Data).unwrap_or(Next::TakeBody)
    }

    fn take_body(&mut self) -> io::Result<bool> {
        self.say("354 end with a dot on a line of its own")?;
        let Some(raw) = self.body()? else {
            return Ok(false);
        };
        let next = match self.struck(Verb::Body) {
            Some(struck) => struck,
            None if raw.len() > MOST_BYTES => Next::Say("552 5.3.4 too large"),
            None => self.keep(raw),
        };
        self.mail = None;
        self.carry_out(next)
    }

    fn keep(&mut self, raw: Vec<u8>) -> Next {
        let struck = self.struck(Verb::Kept);
        let Envelope { from, to } = self.mail.take().unwrap_or_default();
        if self.inbox.keep(from, to, raw).is_err() {
            return Next::Say("452 4.3.1 cannot be stored");
        }
        struck.unwrap_or(Next::Say("250 2.0.0 kept"))
    }

    /// The mail up to its final dot, unstuffed; `None` when the client hung up in the middle.
    fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut raw = Vec::new();
        let mut at_line_start = true;
        while let Some(line) = self.line()? {
            // Only CRLF.CRLF ends a mail: a bare LF before the dot is how mails are smuggled.
            if at_line_start && line == b".\r\n" {
                return Ok(Some(raw));
            }
            let stuffed = at_line_start && line.first() == Some(&b'.');
            at_line_start = line.ends_with(b"\r\n");
            // Past the limit reading goes on, keeping nothing more than shows that it was passed.
            if raw.len() <= MOST_BYTES {
                raw.extend_from_slice(&line[usize::from(stuffed)..]);
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        Ok(if line.is_empty() { None } else { Some(line) })
    }

    fn say(&mut self, reply: &str) -> io::Result<()> {
        self.writer.write_all(format!("{reply}\r\n").as_bytes())
    }

    fn struck(&self, at: Verb) -> Option<Next> {
        let to = self.mail.as_ref().map_or(&[][..], |mail| &mail.to);
        self.inbox.faults().strike(at, to).map(Next::Struck)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a connection has a thread of its own"
)]
fn be_silent(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// The address in `FROM:<a@b> SIZE=1`, and what follows it.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let after = rest
        .get(..keyword.len())
        .filter(|start| start.eq_ignore_ascii_case(keyword));
    let (address, parameters) = rest
        .get(after?.len()..)?
        .trim_start()
        .strip_prefix('<')?
        .split_once('>')?;
    // A space would break the list of recipients that is kept on disk, and no unquoted address has one.
    (!address.contains(' ')).then_some((address, parameters.trim()))
}
