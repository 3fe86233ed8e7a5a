//! Invitations of the tenant.

use contract::invitation::{
    CreateInvitationRequest, Invitation, InvitationDraft, InvitationState, ListInvitationsRequest,
    ResendInvitationRequest, RevokeInvitationRequest,
    invitation_service_client::InvitationServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{time, word, yes},
};

/// What to do.
#[derive(clap::Subcommand)]
pub enum Invitations {
    /// Invite a person
    #[command(
        after_help = "Example:\n  usherctl invitations create ada@acme.example --role analyst --default-group"
    )]
    Create {
        /// The address
        email: String,
        /// The first name, as far as known
        #[arg(long, default_value = "")]
        first_name: String,
        /// The last name, as far as known
        #[arg(long, default_value = "")]
        last_name: String,
        /// A role, by name or id; the tenant's default role where none is named
        #[arg(long)]
        role: Vec<String>,
        /// A project on which the roles are given, instead of the tenant
        #[arg(long)]
        project: Vec<String>,
        /// Let the person join the Default Group
        #[arg(long)]
        default_group: bool,
        /// The language of the mail: en or de
        #[arg(long, default_value = "")]
        language: String,
        /// Leave your name and address out of the mail
        #[arg(long)]
        hide_inviter: bool,
        /// Send no mail now; `resend` does later
        #[arg(long)]
        without_mail: bool,
    },
    /// List invitations
    List {
        /// Only those in one of these states; else all but accepted ones
        #[arg(long)]
        state: Vec<State>,
        /// Only those by the inviter with this address
        #[arg(long, default_value = "")]
        inviter: String,
        #[command(flatten)]
        limit: Limit,
    },
    /// Send the mail again, with a new link
    Resend {
        /// The id of the invitation
        invitation_id: String,
    },
    /// Take an invitation back
    Revoke {
        /// The id of the invitation
        invitation_id: String,
    },
}

/// Where an invitation stands.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum State {
    /// The link can be followed.
    Pending,
    /// The invitee declined.
    Declined,
    /// The link is too old.
    Expired,
    /// The invitee accepted.
    Accepted,
}

impl Invitations {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = InvitationServiceClient::new(session.client.gateway());
        let request_id = names::request_id();
        let invitation = match self {
            Invitations::List {
                state,
                inviter,
                limit,
            } => return all(session, state, inviter, limit).await,
            Invitations::Revoke { invitation_id } => {
                client
                    .revoke_invitation(RevokeInvitationRequest {
                        invitation_id,
                        request_id,
                    })
                    .await?;
                session.print.say("done");
                return Ok(());
            }
            Invitations::Resend { invitation_id } => {
                let ask = ResendInvitationRequest {
                    invitation_id,
                    request_id,
                };
                client.resend_invitation(ask).await?.into_inner().invitation
            }
            Invitations::Create {
                email,
                first_name,
                last_name,
                role,
                project,
                default_group,
                language,
                hide_inviter,
                without_mail,
            } => {
                let draft = InvitationDraft {
                    email,
                    first_name,
                    last_name,
                    role_ids: names::roles(session, &role).await?,
                    project_ids: names::projects(session, &project).await?,
                    default_group,
                    language,
                    hide_inviter,
                    without_mail,
                };
                let ask = CreateInvitationRequest {
                    invitation: Some(draft),
                    request_id,
                };
                client.create_invitation(ask).await?.into_inner().invitation
            }
        };
        show(session, &invitation.unwrap_or_default())
    }
}

fn state(invitation: &Invitation) -> String {
    word(invitation.state().as_str_name(), "INVITATION_STATE_")
}

fn show(session: &Session, invitation: &Invitation) -> Result<(), Failure> {
    let fields = [
        ("ID", invitation.id.clone()),
        ("Email", invitation.email.clone()),
        (
            "Name",
            format!("{} {}", invitation.first_name, invitation.last_name)
                .trim()
                .to_owned(),
        ),
        ("State", state(invitation)),
        ("Default group", yes(invitation.default_group)),
        ("Language", invitation.language.clone()),
        ("Link ends", time(invitation.expire_time.as_ref())),
        ("User ID", invitation.user_id.clone()),
    ];
    session.print.one(invitation, &fields)
}

async fn all(
    session: &Session,
    states: Vec<State>,
    inviter: String,
    limit: Limit,
) -> Result<(), Failure> {
    let states = states.into_iter().map(|state| match state {
        State::Pending => InvitationState::Pending.into(),
        State::Declined => InvitationState::Declined.into(),
        State::Expired => InvitationState::Expired.into(),
        State::Accepted => InvitationState::Accepted.into(),
    });
    let only = ListInvitationsRequest {
        states: states.collect(),
        inviter_email: inviter,
        ..Default::default()
    };
    let client = InvitationServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListInvitationsRequest {
            page_size,
            page_token,
            ..only.clone()
        };
        async move { client.list_invitations(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.invitations, page.next_page_token, page.total_size)
    })
    .await?;
    let header = ["Email", "State", "Inviter", "Created", "Link ends", "ID"];
    session
        .print
        .many(&listed, header, |invitation: &Invitation| {
            [
                invitation.email.clone(),
                state(invitation),
                invitation.inviter_email.clone(),
                time(invitation.create_time.as_ref()),
                time(invitation.expire_time.as_ref()),
                invitation.id.clone(),
            ]
        })
}
