//! What became of a mail. Every change proves the lease, so that who was
//! thought dead and is not changes nothing.

use std::time::Duration;

use contract::invitation::{Event, MailFailed, MailSent};
use rpc::{Caller, Error};
use store::Tx;

use crate::{
    Invitation,
    db::{
        Lease,
        mails::{
            Kind,
            queue::{self, Claimed},
        },
    },
    mails::list::kind,
    peers::SERVICE,
};

/// Seconds until the next attempt: at once for a hiccup, then greylisting's
/// minutes, then outages; eight attempts within a day.
const PAUSES: [f64; 7] = [5.0, 60.0, 300.0, 1800.0, 7200.0, 21_600.0, 50_400.0];

/// How long recording is tried while Postgres is away: a mail that was taken
/// and not recorded is sent again.
const PATIENCE: u32 = 300;
const PAUSE: Duration = Duration::from_millis(200);

async fn begin(app: &Invitation, mail: &Claimed) -> Result<Tx, Error> {
    app.store
        .tenant(mail.tenant_id, &Caller::system(SERVICE, mail.tenant_id))
        .await
}

/// The mail server took it.
pub(super) async fn sent(
    app: &Invitation,
    mail: &Claimed,
    lease: Lease,
    answer: &str,
) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match record_sent(app, mail, lease, answer).await {
            Err(error) if tries < PATIENCE => {
                tracing::warn!(mail = %mail.id, %error, "a sent mail is not recorded yet");
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            recorded => return recorded,
        }
    }
}

async fn record_sent(
    app: &Invitation,
    mail: &Claimed,
    lease: Lease,
    answer: &str,
) -> Result<(), Error> {
    let mut tx = begin(app, mail).await?;
    if !queue::sent(&mut tx, mail.tenant_id, mail.id, lease, answer).await? {
        tracing::warn!(mail = %mail.id, "a sent mail was taken over or its user is gone");
        return Ok(());
    }
    tx.publish(Event::from(MailSent {
        mail_id: mail.id.to_string(),
        kind: kind(mail.kind).into(),
        user_id: mail.user_id.to_string(),
    }));
    tx.done().await
}

/// It did not work this time.
pub(super) async fn later(
    app: &Invitation,
    mail: &Claimed,
    lease: Lease,
    answer: &str,
) -> Result<(), Error> {
    let Some(pause) = pause(mail.attempts) else {
        return failed(app, mail, lease, answer).await;
    };
    // Apart from each other: what failed together must not come back together.
    let seconds = pause * rand::random_range(0.75..1.25);
    let mut tx = begin(app, mail).await?;
    queue::later(&mut tx, mail.tenant_id, mail.id, lease, answer, seconds).await?;
    tx.done().await
}

/// It is given up.
pub(super) async fn failed(
    app: &Invitation,
    mail: &Claimed,
    lease: Lease,
    answer: &str,
) -> Result<(), Error> {
    let mut tx = begin(app, mail).await?;
    if queue::failed(&mut tx, mail.tenant_id, mail.id, lease, answer).await? {
        tx.publish(given_up(mail));
    }
    tx.done().await
}

/// It never came to the mail server.
pub(super) async fn postponed(app: &Invitation, mail: &Claimed, lease: Lease) -> Result<(), Error> {
    let seconds = 3.0 * rand::random_range(0.75..1.25);
    let mut tx = begin(app, mail).await?;
    queue::postpone(&mut tx, mail.tenant_id, mail.id, lease, seconds).await?;
    tx.done().await
}

/// It is not needed any more. Identity hears of it where a password waits sealed
/// for the mail.
pub(super) async fn dropped(app: &Invitation, mail: &Claimed, lease: Lease) -> Result<(), Error> {
    let mut tx = begin(app, mail).await?;
    let dropped = queue::drop_mail(&mut tx, mail.tenant_id, mail.id, lease).await?;
    if dropped && mail.kind == Kind::TemporaryPassword {
        tx.publish(given_up(mail));
    }
    tx.done().await
}

fn given_up(mail: &Claimed) -> Event {
    Event::from(MailFailed {
        mail_id: mail.id.to_string(),
        kind: kind(mail.kind).into(),
        user_id: mail.user_id.to_string(),
    })
}

/// Says that the sender is alive. Where that fails, another may send the mail
/// too, and this one goes on: it may have been taken already.
pub(super) async fn hold(app: &Invitation, mail: &Claimed, lease: Lease) {
    let held = async {
        let mut tx = begin(app, mail).await?;
        let held = queue::hold(&mut tx, mail.tenant_id, mail.id, lease).await?;
        tx.done().await?;
        Ok::<bool, Error>(held)
    };
    match held.await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(mail = %mail.id, "the lease of a mail was lost"),
        Err(error) => tracing::warn!(mail = %mail.id, %error, "the lease of a mail is not renewed"),
    }
}

/// The pause after the given number of attempts; `None` after the last.
fn pause(attempts: i32) -> Option<f64> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    PAUSES.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn eight_attempts_within_a_day_and_no_more() {
        let pauses: Vec<f64> = (1..).map_while(pause).collect();
        assert_eq!(pauses.len(), 7);
        assert!(pauses.is_sorted());
        assert!(pauses.iter().sum::<f64>() * 1.25 < 86_400.0 * 1.25);
        assert_eq!(pause(8), None);
    }
}
