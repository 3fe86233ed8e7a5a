//! Asks invitation for the users of a chunk.

use std::time::Duration;

use contract::invitation::{
    BatchCreateInvitationsResponse, InvitationOutcome, invitation_outcome,
    invitation_service_client::InvitationServiceClient,
};
use rpc::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    acting,
    chunk::Chunk,
    refusal::{Failed, Refusal, failed},
};
use crate::{
    Importer,
    db::{
        commits::Claimed,
        rows::{Draft, Outcome},
    },
    people,
};

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often a chunk is tried on which something breaks.
const ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a chunk is asked for before another import has its turn: the fault
/// may be that of one tenant.
const TURN: Duration = Duration::from_secs(20);

/// One outcome a row, in their order; `None` where there was no answer in the
/// time of a turn, or it was told to stop first.
pub async fn run(
    app: &Importer,
    of: &Claimed,
    chunk: &Chunk,
    stopping: &CancellationToken,
) -> Option<Vec<Outcome>> {
    let began = Instant::now();
    let mut broken = 0;
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match ask(app, of, chunk).await {
            Ok(reply) if reply.outcomes.len() == chunk.rows.len() => {
                match whose(app, of, chunk, outcomes(of, chunk, reply)).await {
                    Ok(outcomes) => return Some(outcomes),
                    Err(error) => error,
                }
            }
            Ok(_) => {
                Error::fault("invitation answered another number of outcomes than it was asked for")
            }
            Err(error) => error,
        };
        let refused = match failed(&error) {
            Failed::Later => None,
            Failed::Broken => {
                broken += 1;
                (broken == ATTEMPTS)
                    .then(|| "an internal error; see the logs of the suite".to_owned())
            }
            Failed::Refused(words) => Some(words),
        };
        tracing::warn!(import = %of.id, %error, "a chunk was not taken");
        if let Some(words) = refused {
            return Some(all_failed(chunk, &words));
        }
        // What is broken was tried for nothing if the tries were not counted.
        if broken == 0 && began.elapsed() > TURN {
            return None;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = stopping.cancelled() => return None,
        }
    }
}

async fn ask(
    app: &Importer,
    of: &Claimed,
    chunk: &Chunk,
) -> Result<BatchCreateInvitationsResponse, Error> {
    let caller = acting(of);
    let mut client = InvitationServiceClient::new(app.peers.invitation.on_behalf_of(&caller));
    let mut request = tonic::Request::new(chunk.request(of));
    request.set_timeout(DEADLINE);
    Ok(client.batch_create_invitations(request).await?.into_inner())
}

/// Adds to whom the addresses belong of those rows that became nobody, so that
/// they can be erased with that user (requirement U-12).
async fn whose(
    app: &Importer,
    of: &Claimed,
    chunk: &Chunk,
    mut outcomes: Vec<Outcome>,
) -> Result<Vec<Outcome>, Error> {
    let rows = outcomes.iter_mut().zip(&chunk.rows);
    let nobodys: Vec<_> = rows
        .filter(|(outcome, _)| outcome.user_id.is_none())
        .collect();
    let address = |row: &Draft| row.email.to_ascii_lowercase();
    let addresses = nobodys.iter().map(|(_, row)| address(row)).collect();
    let users = people::existing(app, &acting(of), addresses).await?;
    for (outcome, row) in nobodys {
        outcome.user_id = users.get(&address(row)).copied();
    }
    Ok(outcomes)
}

fn outcomes(of: &Claimed, chunk: &Chunk, reply: BatchCreateInvitationsResponse) -> Vec<Outcome> {
    let rows = chunk.rows.iter().map(|row| row.line);
    rows.zip(reply.outcomes)
        .map(|(line, outcome)| one(of, line, outcome))
        .collect()
}

fn one(of: &Claimed, line: i32, outcome: InvitationOutcome) -> Outcome {
    let not = |became, failure| Outcome {
        line,
        became,
        user_id: None,
        failure,
    };
    match outcome.outcome {
        Some(invitation_outcome::Outcome::Invitation(invitation)) => {
            let user_id = Uuid::parse_str(&invitation.user_id).ok();
            Outcome {
                line,
                became: "CREATED",
                user_id,
                failure: String::new(),
            }
        }
        Some(invitation_outcome::Outcome::Refusal(status)) => {
            let refusal = Refusal::of_row(&status);
            let skip = refusal.email_taken && of.existing_users.as_deref() != Some("FAIL");
            if skip {
                not("SKIPPED", String::new())
            } else {
                not("FAILED", refusal.words)
            }
        }
        None => not(
            "FAILED",
            "invitation did not say what became of it".to_owned(),
        ),
    }
}

fn all_failed(chunk: &Chunk, words: &str) -> Vec<Outcome> {
    let failed = |line| Outcome {
        line,
        became: "FAILED",
        user_id: None,
        failure: words.to_owned(),
    };
    chunk.rows.iter().map(|row| failed(row.line)).collect()
}
