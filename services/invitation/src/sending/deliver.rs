//! One mail from the queue to its end.

use std::sync::Arc;

use rpc::Error;
use tokio::time::{Duration, Instant, interval_at};

use super::{
    Post,
    lanes::{Lane, SLOW},
    letter::{self, Letter, Written},
    record,
    server::Verdict,
};
use crate::{
    Invitation,
    db::{Lease, mails::queue::Claimed},
};

/// How often a lease is renewed while the mail server thinks; well below
/// [`crate::db::mails::queue::LEASE_SECONDS`].
const RENEW: Duration = Duration::from_secs(5);

/// In place of an answer of the mail server, which was not asked.
const UNWRITTEN: &str = "not sent: no mail can be written to this address";

pub(super) async fn run(
    app: Arc<Invitation>,
    post: Arc<Post>,
    mail: Claimed,
    lease: Lease,
    lane: Lane,
) {
    let done = match letter::write(&app, &post, &mail, lease).await {
        Ok(Written::Letter(letter)) => send(&app, &post, &mail, lease, lane, letter).await,
        Ok(Written::Needless) => record::dropped(&app, &mail, lease).await,
        Ok(Written::Never(error)) => {
            tracing::error!(mail = %mail.id, %error, "a mail cannot be written");
            record::failed(&app, &mail, lease, UNWRITTEN).await
        }
        // Identity or Postgres is away.
        Err(error) => {
            tracing::warn!(mail = %mail.id, %error, "a mail cannot be written yet");
            record::postponed(&app, &mail, lease).await
        }
    };
    if let Err(error) = done {
        // The lease ends by itself, and somebody sends it again.
        tracing::error!(mail = %mail.id, %error, "what became of a mail is not recorded");
    }
}

async fn send(
    app: &Invitation,
    post: &Post,
    mail: &Claimed,
    lease: Lease,
    lane: Lane,
    letter: Letter,
) -> Result<(), Error> {
    let mut delivery = post.lanes.enter(&letter.domain, lane);
    let verdict = {
        let sending = post.server.send(&letter.message);
        tokio::pin!(sending);
        let mut renewals = interval_at(Instant::now() + RENEW, RENEW);
        let slow = tokio::time::sleep(SLOW);
        tokio::pin!(slow);
        let mut known_slow = false;
        loop {
            tokio::select! {
                verdict = &mut sending => break verdict,
                () = &mut slow, if !known_slow => {
                    known_slow = true;
                    delivery.is_slow();
                }
                _ = renewals.tick() => record::hold(app, mail, lease).await,
            }
        }
    };
    // The lane is for sending; recording what came of it holds up nobody.
    drop(delivery);
    let clean = |answer: String| presentable(&answer, &letter.secret);
    match verdict {
        Verdict::Sent(answer) => record::sent(app, mail, lease, &clean(answer)).await,
        Verdict::Later(answer) => record::later(app, mail, lease, &clean(answer)).await,
        Verdict::Never(answer) => record::failed(app, mail, lease, &clean(answer)).await,
    }
}

/// An answer as it is kept and shown: one line of bounded length, without the
/// mail's secret, which a filter may quote when it refuses a link.
fn presentable(answer: &str, secret: &str) -> String {
    let hidden = match secret {
        "" => answer.to_owned(),
        secret => answer.replace(secret, "[secret]"),
    };
    hidden
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(500)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::presentable;

    #[test]
    fn an_answer_that_quotes_the_link_is_kept_without_it() {
        let answer = "554 5.7.1 blocked: https://usher.test/invitation#uit_abc\r\nsorry";
        assert_eq!(
            presentable(answer, "uit_abc"),
            "554 5.7.1 blocked: https://usher.test/invitation#[secret]  sorry"
        );
        assert_eq!(presentable(&"x".repeat(10_000), "uit_abc").len(), 500);
        assert_eq!(
            presentable("250 ok", ""),
            "250 ok",
            "not every mail has one"
        );
    }
}
