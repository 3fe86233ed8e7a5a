//! Invitations in a test.

use contract::invitation::{
    CreateInvitationRequest, Invitation, InvitationDraft, InvitationState, ListInvitationsRequest,
    invitation_service_client::InvitationServiceClient,
};
use testkit::Client;
use tonic::Status;

use crate::{Company, Suite};

/// Calls about invitations.
#[must_use]
pub fn invitations(client: &Client) -> InvitationServiceClient<Client> {
    InvitationServiceClient::new(client.clone())
}

impl Company {
    /// The admin invites an analyst.
    pub async fn invite(&self, email: &str) -> Result<Invitation, Status> {
        self.invite_as(self.draft(email, &["analyst"])).await
    }

    /// The admin invites somebody as the draft says.
    ///
    /// # Panics
    /// When the reply has no invitation.
    pub async fn invite_as(&self, draft: InvitationDraft) -> Result<Invitation, Status> {
        let ask = CreateInvitationRequest {
            invitation: Some(draft),
            ..Default::default()
        };
        let reply = invitations(&self.admin.client)
            .create_invitation(ask)
            .await?;
        Ok(reply.into_inner().invitation.expect("an invitation"))
    }

    /// The first hundred invitations in these states; those that are no users
    /// yet where none is named.
    ///
    /// # Panics
    /// When they cannot be listed.
    pub async fn invitations(&self, states: &[InvitationState]) -> Vec<Invitation> {
        let ask = ListInvitationsRequest {
            states: states.iter().map(|&state| state.into()).collect(),
            page_size: 100,
            ..Default::default()
        };
        let reply = invitations(&self.admin.client).list_invitations(ask).await;
        reply.expect("invitations").into_inner().invitations
    }
}

impl Suite {
    /// Leaves the row of an invitation as a process that was killed an hour ago
    /// would have: `change` is what an UPDATE sets.
    ///
    /// # Panics
    /// When there is no such row.
    pub async fn leave_invitation(&self, invitation: &Invitation, change: &str) {
        let sql = format!(
            "UPDATE invitation.invitations SET {change}, lease_time = now() - interval '1 hour' WHERE id = '{}'",
            invitation.id
        );
        let mut database = self.database().connect().await;
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut database)
            .await
            .expect("a change");
        assert_eq!(done.rows_affected(), 1);
    }
}
