//! The worker that sends messages.
//!
//! A message is claimed by lease, handed to the provider without any transaction
//! open, and recorded. A worker that dies leaves its messages to the next one
//! when the lease is over: the provider may get one twice, under the same id.

use std::{sync::Arc, time::Duration};

use contract::identity::{Event, SmsFailed, SmsSent};
use rpc::{Caller, Error};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{CONTENT, Message, context, provider::Verdict};
use crate::{Identity, NAME, db, db::sms_messages::Claimed};

/// How long a message waits at most where nobody woke the worker.
const POLL: Duration = Duration::from_secs(1);
/// How long a worker is believed to be alive; longer than the provider may take.
const LEASE: Duration = Duration::from_secs(30);
/// Messages that are sent at a time.
const BATCH: i64 = 16;
/// The pauses between attempts; the last one is kept until the code is over.
const PAUSES: [u64; 5] = [2, 5, 15, 30, 60];

/// Sends messages until the process stops; those under way are ended first.
pub async fn run(app: Arc<Identity>, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        match round(&app).await {
            Ok(0) => {
                let woken = tokio::time::timeout(POLL, app.sms.queued.notified());
                let _ = stopping.run_until_cancelled(woken).await;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the queue of messages cannot be read");
                stopping.run_until_cancelled(tokio::time::sleep(POLL)).await;
            }
        }
    }
}

/// Sends what is due. How much that was.
async fn round(app: &Arc<Identity>) -> Result<usize, Error> {
    let lease = Uuid::new_v4();
    let mut tx = app.store.worker().await?;
    for (tenant, user) in db::sms_messages::expire(&mut tx, BATCH).await? {
        tx.switch_tenant(tenant).await?;
        tx.publish(failed(user));
    }
    let claimed = db::sms_messages::claim(&mut tx, lease, LEASE, BATCH).await?;
    tx.done().await?;
    let (count, mut sending) = (claimed.len(), JoinSet::new());
    for message in claimed {
        let app = app.clone();
        sending.spawn(async move {
            if let Err(error) = send(&app, &message, lease).await {
                // The lease ends by itself, and somebody sends it again.
                tracing::warn!(message = %message.id, %error, "a message waits");
            }
        });
    }
    while sending.join_next().await.is_some() {}
    Ok(count)
}

async fn send(app: &Identity, message: &Claimed, lease: Uuid) -> Result<(), Error> {
    let Some(provider) = &app.sms.provider else {
        return Ok(());
    };
    let bound = context(message.tenant_id, message.id);
    let content = app.store.keys().open(CONTENT, &bound, &message.content)?;
    let content: Message = serde_json::from_slice(&content)?;
    let verdict = provider.send(message.id, &content).await?;
    let caller = Caller::system(NAME, message.tenant_id);
    let mut tx = app.store.tenant(message.tenant_id, &caller).await?;
    match verdict {
        Verdict::Sent => {
            if db::sms_messages::end(&mut tx, message, lease, "SENT").await? {
                tx.publish(Event::from(SmsSent {
                    user_id: message.user_id.to_string(),
                }));
            }
        }
        Verdict::Never => {
            if db::sms_messages::end(&mut tx, message, lease, "FAILED").await? {
                tx.publish(failed(message.user_id));
            }
        }
        Verdict::Later => {
            let pause = pause(message.attempts);
            db::sms_messages::later(&mut tx, message, lease, pause).await?;
        }
    }
    tx.done().await
}

fn failed(user: contract::Id<contract::identity::User>) -> Event {
    SmsFailed {
        user_id: user.to_string(),
    }
    .into()
}

/// The pause after the given number of attempts.
fn pause(attempts: i32) -> Duration {
    let at = usize::try_from(attempts)
        .unwrap_or_default()
        .saturating_sub(1);
    let seconds = PAUSES.get(at).or(PAUSES.last()).copied();
    Duration::from_secs(seconds.unwrap_or_default())
}
