//! The second step: roles and seats, then users.

use std::{collections::HashMap, time::Duration};

use contract::{
    Reason,
    authorization::{self, Grants, GrantsOutcome, ReleaseGrantsRequest, ReserveGrantsRequest},
    errors::ErrorReason as Errors,
    identity::{CreateInvitedUsersRequest, InvitedUser, RemoveInvitedUsersRequest},
    licensing,
};
use rpc::{Because as _, Error};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use uuid::Uuid;

use super::{
    Batch,
    drafts::{email_taken, off_domain},
};
use crate::{
    Invitation,
    db::{
        UserId,
        invitations::{
            Row, leases,
            preparing::{self, Orphan},
        },
    },
    peers::in_doubt,
};

/// Shorter than the lease, so that nobody works under a lease that ended.
const TIME: Duration = Duration::from_secs(12);

impl Batch {
    /// Asks authorization and identity for what the rows need. Where it stays
    /// open whether they did it, the rows stay as they are, and the next who
    /// comes asks again.
    pub(crate) async fn carry_out(&mut self, app: &Invitation) -> Result<(), Error> {
        if self.on_its_way().next().is_none() {
            return Ok(());
        }
        let steps = async {
            self.reserve(app).await?;
            self.create_users(app).await
        };
        match tokio::time::timeout(TIME, steps).await {
            Ok(Err(error)) if error.code() == Code::Unavailable => {
                let mut tx = app.store.tenant(self.tenant, &self.caller).await?;
                leases::give_up(&mut tx, self.tenant, self.lease).await?;
                tx.done().await?;
                Err(error)
            }
            Ok(done) => done,
            Err(_) => {
                Err(Errors::DeadlineExceeded.because("the invitations are not made yet; ask again"))
            }
        }
    }

    async fn reserve(&mut self, app: &Invitation) -> Result<(), Error> {
        let grants = self.on_its_way().map(grants).collect();
        let mut client = app.peers.grants(&self.caller);
        let outcomes = match client.reserve_grants(ReserveGrantsRequest { grants }).await {
            Ok(reply) => reply.into_inner().outcomes,
            Err(status) => return self.refused_wholly(Error::from(status)),
        };
        let mut refusals: HashMap<String, GrantsOutcome> = outcomes
            .into_iter()
            .filter(|outcome| !outcome.refusal.is_empty())
            .map(|outcome| (outcome.user_id.clone(), outcome))
            .collect();
        self.refuse(|row| Some(refusal(&refusals.remove(&row.user_id.to_string())?)));
        Ok(())
    }

    async fn create_users(&mut self, app: &Invitation) -> Result<(), Error> {
        let users: Vec<InvitedUser> = self.on_its_way().map(invited_user).collect();
        if users.is_empty() {
            return Ok(());
        }
        let asked: Vec<String> = users.iter().map(|user| user.user_id.clone()).collect();
        let mut client = app.peers.users(&self.caller);
        let outcomes = match client
            .create_invited_users(CreateInvitedUsersRequest { users })
            .await
        {
            Ok(reply) => reply.into_inner().outcomes,
            Err(status) => {
                self.refused_wholly(Error::from(status))?;
                return self.release(app, asked).await;
            }
        };
        let refused: HashMap<String, bool> = outcomes
            .into_iter()
            .filter(|outcome| !outcome.created)
            .map(|outcome| (outcome.user_id, outcome.off_domain))
            .collect();
        self.refuse(|row| match refused.get(&row.user_id.to_string())? {
            true => Some(off_domain()),
            false => Some(email_taken()),
        });
        self.release(app, refused.into_keys().collect()).await
    }

    /// Takes reserved grants back.
    async fn release(&self, app: &Invitation, user_ids: Vec<String>) -> Result<(), Error> {
        if !user_ids.is_empty() {
            app.peers
                .grants(&self.caller)
                .release_grants(ReleaseGrantsRequest { user_ids })
                .await?;
        }
        Ok(())
    }

    /// After the lease was lost: takes back what these steps made for users
    /// whose rows somebody else has removed meanwhile.
    pub(super) async fn release_orphans(&self, app: &Invitation) -> Result<(), Error> {
        let users: Vec<UserId> = self
            .entries
            .iter()
            .filter_map(|entry| Some(entry.row.as_ref()?.user_id))
            .collect();
        let mut tx = app.store.tenant(self.tenant, &self.caller).await?;
        let orphans = preparing::orphans(&mut tx, self.tenant, &users).await?;
        drop(tx);
        let id = |one: &Orphan| one.user_id.to_string();
        self.release(app, orphans.iter().map(id).collect()).await?;
        let gone = orphans.iter().filter(|one| !one.revoked);
        let user_ids: Vec<String> = gone.map(id).collect();
        if !user_ids.is_empty() {
            let mut client = app.peers.users(&self.caller);
            client
                .remove_invited_users(RemoveInvitedUsersRequest { user_ids })
                .await?;
        }
        Ok(())
    }

    fn refuse(&mut self, mut why: impl FnMut(&Row) -> Option<Error>) {
        for entry in &mut self.entries {
            if let Some(refusal) = entry.on_its_way().and_then(&mut why) {
                entry.refusal = Some(refusal);
            }
        }
    }

    /// A peer refused the call as a whole, for all rows; or it is in doubt.
    fn refused_wholly(&mut self, error: Error) -> Result<(), Error> {
        if in_doubt(&error) {
            return Err(error);
        }
        let status = Status::from(error);
        self.refuse(|_| Some(Error::from(status.clone())));
        Ok(())
    }
}

fn grants(row: &Row) -> Grants {
    Grants {
        user_id: row.user_id.to_string(),
        role_ids: row.role_ids.iter().map(Uuid::to_string).collect(),
        project_ids: row.project_ids.iter().map(Uuid::to_string).collect(),
        default_group: row.default_group,
    }
}

fn invited_user(row: &Row) -> InvitedUser {
    InvitedUser {
        user_id: row.user_id.to_string(),
        email: row.email.clone(),
        first_name: row.first_name.clone(),
        last_name: row.last_name.clone(),
        language: row.language.clone(),
    }
}

/// The refusal of one set of grants, as authorization would have made it.
fn refusal(outcome: &GrantsOutcome) -> Error {
    let name = format!("ERROR_REASON_{}", outcome.refusal);
    let code = if outcome.refusal_domain == licensing::ErrorReason::DOMAIN {
        licensing::ErrorReason::from_str_name(&name).map(Reason::code)
    } else if outcome.refusal_domain == authorization::ErrorReason::DOMAIN {
        authorization::ErrorReason::from_str_name(&name).map(Reason::code)
    } else {
        None
    };
    // A reason from a newer release than ours is still a refusal.
    let code = code.unwrap_or(Code::FailedPrecondition);
    let details =
        ErrorDetails::with_error_info(&outcome.refusal, &outcome.refusal_domain, HashMap::new());
    Error::from(Status::with_error_details(code, &outcome.message, details))
}

#[cfg(test)]
mod tests {
    use contract::{authorization::GrantsOutcome, licensing::ErrorReason};

    use super::refusal;

    #[test]
    fn a_refusal_keeps_its_reason_and_gets_its_code() {
        let outcome = GrantsOutcome {
            user_id: String::new(),
            refusal: "SEATS_EXHAUSTED".into(),
            refusal_domain: "usher.licensing.v1".into(),
            message: "all 100 seats are in use".into(),
        };
        let error = refusal(&outcome);
        assert!(error.is(ErrorReason::SeatsExhausted));
        assert_eq!(error.code(), tonic::Code::FailedPrecondition);
        assert_eq!(error.message(), "all 100 seats are in use");
    }
}
