//! The mail server's ways, against the mailbox (bar 48 of the threat list).

use std::time::Duration;

use lettre::{Message, message::MultiPart};
use mailbox::{Fault, Mailbox, Verb};

use super::{Server, Verdict};

fn mail(to: &str, text: &str) -> Message {
    Message::builder()
        .from("Usher <no-reply@usher.test>".parse().expect("an address"))
        .to(to.parse().expect("an address"))
        .subject("Hello")
        .multipart(MultiPart::alternative_plain_html(
            text.to_owned(),
            "<p>Hello</p>".to_owned(),
        ))
        .expect("a mail")
}

fn start() -> (Mailbox, Server) {
    let mailbox = Mailbox::start_on_loopback().expect("a mailbox");
    let server = Server::new(&mailbox.smtp_url(), 2).expect("a server");
    (mailbox, server)
}

#[tokio::test]
async fn a_mail_that_is_taken() {
    let (mailbox, server) = start();
    let verdict = server.send(&mail("ada@acme.test", "Hi Ada")).await;
    assert!(
        matches!(&verdict, Verdict::Sent(answer) if answer.starts_with("250 ")),
        "{verdict:?}"
    );
    assert_eq!(mailbox.messages_to("ada@acme.test").len(), 1);
}

/// P-04: the password in the mail has taken the place of another already.
#[tokio::test]
async fn p_04_a_copy_that_is_refused_fails_no_mail() {
    for line in ["550 5.1.1 no such user", "451 4.3.0 try later"] {
        let (mailbox, server) = start();
        let refused = Fault::reply(Verb::Rcpt, line).only_to("desk@acme.test");
        mailbox.fault(refused.clone());
        let with_copy = |to: &str, copy: &str| {
            Message::builder()
                .from("Usher <no-reply@usher.test>".parse().expect("an address"))
                .to(to.parse().expect("an address"))
                .cc(copy.parse().expect("an address"))
                .subject("Hello")
                .body(String::from("Hi"))
                .expect("a mail")
        };
        let verdict = server
            .send(&with_copy("ada@acme.test", "desk@acme.test"))
            .await;
        assert!(
            matches!(&verdict, Verdict::Sent(answer) if answer.contains("without a copy") && answer.contains(&line[..3])),
            "{verdict:?}"
        );
        assert_eq!(mailbox.messages_to("ada@acme.test").len(), 1);
        // Whom the mail is for is another matter.
        let verdict = server
            .send(&with_copy("desk@acme.test", "ada@acme.test"))
            .await;
        assert!(!matches!(&verdict, Verdict::Sent(_)), "{verdict:?}");
        assert_eq!(mailbox.messages().len(), 1);
    }
}

#[tokio::test]
async fn one_connection_serves_many_mails_and_is_replaced_when_it_is_gone() {
    let (mailbox, server) = start();
    for _ in 0..3 {
        assert!(matches!(
            server.send(&mail("ada@acme.test", "Hi")).await,
            Verdict::Sent(_)
        ));
    }
    // The kept connection dies before the next mail; that is no failure of the mail.
    mailbox.fault(Fault::drop_connection(Verb::Mail).times(1));
    assert!(matches!(
        server.send(&mail("ada@acme.test", "Hi")).await,
        Verdict::Sent(_)
    ));
    mailbox.fault(Fault::reply(Verb::Mail, "421 4.7.0 too many mails on this connection").times(1));
    assert!(matches!(
        server.send(&mail("ada@acme.test", "Hi")).await,
        Verdict::Sent(_)
    ));
    assert_eq!(mailbox.messages().len(), 5);
}

#[tokio::test]
async fn a_temporary_answer_at_each_verb_means_later() {
    for verb in [
        Verb::Connect,
        Verb::Hello,
        Verb::Mail,
        Verb::Rcpt,
        Verb::Data,
        Verb::Body,
    ] {
        let (mailbox, server) = start();
        mailbox.fault(Fault::reply(verb, "451 4.3.0 try later").times(1));
        let verdict = server.send(&mail("ada@acme.test", "Hi")).await;
        assert!(
            matches!(&verdict, Verdict::Later(_)),
            "{verb:?}: {verdict:?}"
        );
        assert!(
            matches!(
                server.send(&mail("ada@acme.test", "Hi")).await,
                Verdict::Sent(_)
            ),
            "{verb:?}"
        );
        assert_eq!(mailbox.messages().len(), 1, "{verb:?}");
    }
}

#[tokio::test]
async fn a_permanent_answer_about_the_mail_means_never() {
    for verb in [Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Body] {
        let (mailbox, server) = start();
        mailbox.fault(Fault::reply(verb, "550 5.1.1 no such user").times(1));
        let verdict = server.send(&mail("ada@acme.test", "Hi")).await;
        assert!(
            matches!(&verdict, Verdict::Never(answer) if answer.contains("no such user")),
            "{verb:?}: {verdict:?}"
        );
        // The connection is not spoiled for the next one.
        assert!(
            matches!(
                server.send(&mail("bob@acme.test", "Hi")).await,
                Verdict::Sent(_)
            ),
            "{verb:?}"
        );
    }
}

#[tokio::test]
async fn a_permanent_answer_before_the_mail_was_named_is_not_about_the_mail() {
    for verb in [Verb::Connect, Verb::Hello] {
        let (mailbox, server) = start();
        mailbox.fault(Fault::reply(verb, "554 5.3.2 closed for today").times(1));
        assert!(
            matches!(
                server.send(&mail("ada@acme.test", "Hi")).await,
                Verdict::Later(_)
            ),
            "{verb:?}"
        );
    }
}

#[tokio::test]
async fn a_dropped_connection_means_later_and_never_lost() {
    for verb in [
        Verb::Connect,
        Verb::Hello,
        Verb::Mail,
        Verb::Rcpt,
        Verb::Data,
        Verb::Body,
        Verb::Kept,
    ] {
        let (mailbox, server) = start();
        mailbox.fault(Fault::drop_connection(verb).times(1));
        let verdict = server.send(&mail("ada@acme.test", "Hi")).await;
        assert!(
            matches!(&verdict, Verdict::Later(_)),
            "{verb:?}: {verdict:?}"
        );
        assert!(
            matches!(
                server.send(&mail("ada@acme.test", "Hi")).await,
                Verdict::Sent(_)
            ),
            "{verb:?}"
        );
        // The one window in which SMTP cannot tell.
        let copies = if verb == Verb::Kept { 2 } else { 1 };
        assert_eq!(mailbox.messages().len(), copies, "{verb:?}");
    }
}

#[tokio::test]
async fn nobody_there_means_later() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port");
    let server = Server::new(&format!("smtp://{free}"), 1).expect("a server");
    assert!(matches!(
        server.send(&mail("ada@acme.test", "Hi")).await,
        Verdict::Later(_)
    ));
}

#[tokio::test]
async fn required_tls_is_required() {
    let (mailbox, _) = start();
    let server = Server::new(&format!("{}?tls=required", mailbox.smtp_url()), 1);
    // Without root certificates on the machine it does not even start.
    let Ok(server) = server else { return };
    assert!(matches!(
        server.send(&mail("ada@acme.test", "Hi")).await,
        Verdict::Later(_)
    ));
    assert!(mailbox.messages().is_empty());
}

#[tokio::test]
async fn dots_and_commands_in_a_text_stay_text() {
    let (mailbox, server) = start();
    let text = "first\r\n.\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<eve@evil.test>\r\nDATA\r\n.leading dot\r\n..\r\nlast";
    assert!(matches!(
        server.send(&mail("ada@acme.test", text)).await,
        Verdict::Sent(_)
    ));
    let mails = mailbox
        .wait_for(1, Duration::from_secs(5))
        .expect("one mail");
    assert_eq!(mails.len(), 1);
    let lines: Vec<&str> = mails[0].text.lines().collect();
    assert_eq!(
        lines,
        [
            "first",
            ".",
            "MAIL FROM:<eve@evil.test>",
            "RCPT TO:<eve@evil.test>",
            "DATA",
            ".leading dot",
            "..",
            "last"
        ]
    );
    assert!(mailbox.messages_to("eve@evil.test").is_empty());
}
