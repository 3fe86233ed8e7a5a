//! What a mailer sees of the mailbox, over a real socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use usher_mailbox::{Fault, Mailbox, Verb};

const PATIENCE: Duration = Duration::from_secs(10);

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(mailbox: &Mailbox) -> io::Result<Self> {
        let stream = TcpStream::connect(mailbox.smtp_addr())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self(BufReader::new(stream));
        client.reply()?;
        Ok(client)
    }

    fn say(&mut self, lines: &str) -> io::Result<()> {
        self.0.get_mut().write_all(lines.as_bytes())
    }

    /// The last line of the next reply, without its line end; empty when the connection is gone.
    fn reply(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    fn ask(&mut self, line: &str) -> io::Result<String> {
        self.say(&format!("{line}\r\n"))?;
        self.reply()
    }

    fn send(&mut self, to: &str, body: &str) -> io::Result<String> {
        for line in [
            "MAIL FROM:<usher@usher.test> SIZE=100",
            &format!("RCPT TO:<{to}>"),
            "DATA",
        ] {
            let reply = self.ask(line)?;
            if !reply.starts_with(['2', '3']) {
                self.ask("RSET")?;
                return Ok(reply);
            }
        }
        self.say(&format!("Subject: to {to}\r\n\r\n{body}\r\n.\r\n"))?;
        self.reply()
    }
}

fn get(mailbox: &Mailbox, target: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(mailbox.http_addr())?;
    stream.write_all(
        format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n",
            mailbox.http_addr()
        )
        .as_bytes(),
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response)
}

#[test]
fn takes_several_mails_on_one_connection_and_shows_them() -> io::Result<()> {
    let mailbox = Mailbox::start_on_loopback()?;
    let mut client = Client::connect(&mailbox)?;
    assert_eq!(client.ask("EHLO test")?, "250 SIZE 26214400");
    assert_eq!(
        client.send("ada@acme.test", "..hello https://acme.test/i#t1 <bye>")?,
        "250 2.0.0 kept"
    );
    assert_eq!(client.send("bob@acme.test", "x")?, "250 2.0.0 kept");

    let mails = mailbox.wait_for(2, PATIENCE).expect("two mails");
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].text, ".hello https://acme.test/i#t1 <bye>\r\n");
    assert_eq!(
        mails[0].link("https://acme.test/"),
        Some("https://acme.test/i#t1")
    );
    assert_eq!(
        mailbox.messages_to("BOB@acme.test")[0].subject,
        "to bob@acme.test"
    );

    let listed = get(&mailbox, "/api/messages?to=ada%40acme.test")?;
    assert!(
        listed.contains(r#""subject":"to ada@acme.test""#) && !listed.contains("bob"),
        "{listed}"
    );
    assert!(get(&mailbox, "/")?.contains("<h1>2 mails</h1>"));
    assert!(get(&mailbox, "/messages/1")?.contains("&lt;bye&gt;"));
    Ok(())
}

#[test]
fn takes_pipelined_commands() -> io::Result<()> {
    let mailbox = Mailbox::start_on_loopback()?;
    let mut client = Client::connect(&mailbox)?;
    client.say("EHLO t\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n")?;
    let replies = (0..5)
        .map(|_| client.reply())
        .collect::<io::Result<Vec<_>>>()?;
    assert!(replies[4].starts_with("354"), "{replies:?}");
    // Only CRLF.CRLF ends a mail.
    client.say("one\n.\nstill the same\r\n.\r\n")?;
    client.reply()?;
    let mails = mailbox.messages();
    assert_eq!(mails[0].to, ["a@b.test", "c@b.test"]);
    assert!(mails[0].raw.ends_with(b"still the same\r\n"));
    Ok(())
}

#[test]
fn fails_as_told_and_then_no_more() -> io::Result<()> {
    let mailbox = Mailbox::start_on_loopback()?;
    mailbox.fault(Fault::reply(Verb::Rcpt, "550 5.1.1 nobody").only_to("bad@acme.test"));
    mailbox.fault(Fault::reply(Verb::Body, "451 4.3.0 later").times(1));
    mailbox.fault(
        Fault::drop_connection(Verb::Kept)
            .only_to("doubt@acme.test")
            .times(1),
    );
    let mut client = Client::connect(&mailbox)?;
    client.ask("EHLO t")?;
    assert_eq!(client.send("bad@acme.test", "x")?, "550 5.1.1 nobody");
    assert_eq!(client.send("good@acme.test", "x")?, "451 4.3.0 later");
    assert_eq!(client.send("good@acme.test", "x")?, "250 2.0.0 kept");
    assert_eq!(
        client.send("doubt@acme.test", "x")?,
        "",
        "the connection is cut"
    );

    let too_few = mailbox
        .wait_for(3, Duration::from_millis(50))
        .expect_err("only two are kept");
    assert_eq!((too_few.wanted, too_few.came.len()), (3, 2));
    Ok(())
}

#[test]
fn has_its_mails_again_after_a_restart() -> io::Result<()> {
    let dir = std::env::temp_dir().join(format!("usher-mailbox-{}", std::process::id()));
    let any = "127.0.0.1:0".parse().expect("an address");
    for round in 1..=2 {
        let mailbox = Mailbox::start(any, any, Some(dir.clone()))?;
        let mut client = Client::connect(&mailbox)?;
        client.ask("HELO t")?;
        client.send("ada@acme.test", "hello")?;
        let mails = mailbox.messages();
        assert_eq!(mails.len(), round);
        assert!(
            mails
                .iter()
                .all(|mail| mail.is_to("ada@acme.test") && mail.text == "hello\r\n")
        );
    }
    let mailbox = Mailbox::start(any, any, Some(dir.clone()))?;
    mailbox.clear();
    assert_eq!(std::fs::read_dir(&dir)?.count(), 0);
    std::fs::remove_dir_all(dir)
}
