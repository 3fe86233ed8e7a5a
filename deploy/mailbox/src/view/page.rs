//! The pages a person looks at.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::message::Message;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;\
    color:#222;background:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;\
    border-bottom:1px solid #ddd}pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}iframe{width:100%;\
    height:36rem;border:1px solid #ddd}.time{color:#666;white-space:nowrap}\
    @media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#222}a{color:#8ab4f8}}";

/// How many of the newest mails the list shows.
const SHOWN: usize = 500;

pub(super) fn list(mails: &[Arc<Message>]) -> String {
    let mut rows = String::new();
    for mail in mails.iter().rev().take(SHOWN) {
        let _ = write!(
            rows,
            "<tr><td class=time>{}</td><td>{}</td><td><a href=\"/messages/{}\">{}</a></td></tr>",
            escape(&mail.received),
            escape(&mail.to.join(", ")),
            mail.id,
            escape(if mail.subject.is_empty() {
                "(no subject)"
            } else {
                &mail.subject
            }),
        );
    }
    let count = mails.len();
    let body = format!(
        "<h1>{count} mails</h1><table><tr><th>Received<th>To<th>Subject</tr>{rows}</table>"
    );
    page("Mailbox", &body)
}

pub(super) fn one(mail: &Message) -> String {
    let mut body = format!(
        "<p><a href=\"/\">All mails</a></p><h1>{}</h1><p>From {} to {}<br><span class=time>{}</span> · \
         <a href=\"/messages/{}.eml\">as sent</a></p>",
        escape(&mail.subject),
        escape(&mail.from),
        escape(&mail.to.join(", ")),
        escape(&mail.received),
        mail.id,
    );
    if !mail.text.is_empty() {
        let _ = write!(body, "<h2>Text</h2><pre>{}</pre>", escape(&mail.text));
    }
    if !mail.html.is_empty() {
        // Sandboxed: a mail's HTML runs nothing and reaches nothing.
        let _ = write!(
            body,
            "<h2>HTML</h2><iframe sandbox srcdoc=\"{}\"></iframe>",
            escape(&mail.html)
        );
    }
    page(&mail.subject, &body)
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style>{body}</html>",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
