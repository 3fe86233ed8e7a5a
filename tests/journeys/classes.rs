//! B-14: a secret of one kind is worth nothing where one of another kind is asked
//! for.

use contract::authorization::RoleSet;
use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, GetUserRequest, ListUsersRequest, LoginRequest,
    MfaPolicy, RequestPasswordResetRequest, ResetPasswordRequest, ValidateSessionRequest,
    VerifyTotpRequest, login_response::Outcome, login_service_client::LoginServiceClient,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use contract::invitation::{
    AcceptInvitationRequest, DeclineInvitationRequest, PreviewInvitationRequest,
};
use testkit::Client;
use tonic::{Code, Status};
use usher_tests::{Company, Suite, invitations, password, suite::MANY_ATTEMPTS, token_mailed_to};

/// The kinds of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Session,
    Flow,
    Device,
    Reset,
    Invitation,
    Page,
}

/// Where a secret is asked for.
#[derive(Clone, Copy, Debug)]
enum Place {
    Bearer,
    ValidateSession,
    EnrolTotp,
    VerifyTotp,
    ConfirmTotp,
    DeviceToken,
    ResetPassword,
    PreviewInvitation,
    AcceptInvitation,
    DeclineInvitation,
    PageToken,
}

impl Place {
    /// Those that use a secret up come last.
    const ALL: [Place; 11] = [
        Place::Bearer,
        Place::ValidateSession,
        Place::EnrolTotp,
        Place::VerifyTotp,
        Place::ConfirmTotp,
        Place::DeviceToken,
        Place::PageToken,
        Place::PreviewInvitation,
        Place::ResetPassword,
        Place::DeclineInvitation,
        Place::AcceptInvitation,
    ];

    fn wants(self) -> Kind {
        match self {
            Place::Bearer | Place::ValidateSession => Kind::Session,
            Place::EnrolTotp | Place::VerifyTotp | Place::ConfirmTotp => Kind::Flow,
            Place::DeviceToken => Kind::Device,
            Place::ResetPassword => Kind::Reset,
            Place::PreviewInvitation | Place::AcceptInvitation | Place::DeclineInvitation => {
                Kind::Invitation
            }
            Place::PageToken => Kind::Page,
        }
    }
}

/// The tenant in which all is tried, and a person of it.
struct Scene {
    acme: Company,
    anyone: Client,
    secret: String,
}

const WHO: &str = "kim@acme.example";

impl Scene {
    async fn login(&self, device_token: &str) -> Result<Outcome, Status> {
        let ask = LoginRequest {
            tenant: "acme".into(),
            username: WHO.into(),
            password: self.secret.clone(),
            device_token: device_token.into(),
            ..Default::default()
        };
        let mut logins = LoginServiceClient::new(self.anyone.clone());
        let reply = logins.login(ask).await?.into_inner();
        Ok(reply.outcome.expect("an outcome"))
    }

    /// Presents a secret. Refused, or taken for what it is said to be.
    async fn present(&self, place: Place, token: &str) -> Result<(), Status> {
        let mut logins = LoginServiceClient::new(self.anyone.clone());
        let (token, code) = (token.to_owned(), "123456".to_owned());
        match place {
            Place::Bearer => {
                let caller = self.anyone.signed_in(&token);
                let mut users = UserServiceClient::new(caller);
                users.get_user(GetUserRequest::default()).await.map(drop)
            }
            Place::ValidateSession => {
                let ask = ValidateSessionRequest {
                    session_token: token,
                };
                let mut sessions = SessionServiceClient::new(self.anyone.clone());
                sessions.validate_session(ask).await.map(drop)
            }
            Place::EnrolTotp => {
                let ask = EnrolTotpRequest { flow_token: token };
                logins.enrol_totp(ask).await.map(drop)
            }
            Place::VerifyTotp => {
                let ask = VerifyTotpRequest {
                    flow_token: token,
                    code,
                };
                logins.verify_totp(ask).await.map(drop)
            }
            Place::ConfirmTotp => {
                let ask = ConfirmTotpRequest {
                    flow_token: token,
                    code,
                };
                logins.confirm_totp(ask).await.map(drop)
            }
            Place::DeviceToken => self.known(&token).await,
            Place::ResetPassword => {
                let ask = ResetPasswordRequest {
                    token,
                    password: password(),
                };
                logins.reset_password(ask).await.map(drop)
            }
            Place::PreviewInvitation => {
                let ask = PreviewInvitationRequest { token };
                let mut invitations = invitations(&self.anyone);
                invitations.preview_invitation(ask).await.map(drop)
            }
            Place::AcceptInvitation => {
                let ask = AcceptInvitationRequest {
                    token,
                    password: password(),
                    ..Default::default()
                };
                let mut invitations = invitations(&self.anyone);
                invitations.accept_invitation(ask).await.map(drop)
            }
            Place::DeclineInvitation => {
                let ask = DeclineInvitationRequest { token };
                let mut invitations = invitations(&self.anyone);
                invitations.decline_invitation(ask).await.map(drop)
            }
            Place::PageToken => {
                let ask = ListUsersRequest {
                    page_size: 1,
                    page_token: token,
                    ..Default::default()
                };
                let mut users = UserServiceClient::new(self.acme.admin.client.clone());
                users.list_users(ask).await.map(drop)
            }
        }
    }

    /// Whether the person is known by a device of this token: the login gives no
    /// other then.
    async fn known(&self, token: &str) -> Result<(), Status> {
        match self.login(token).await? {
            Outcome::Session(new) if new.device_token.is_empty() => Ok(()),
            _ => Err(Status::unauthenticated("a device that is not known")),
        }
    }

    async fn secrets(&self, suite: &Suite) -> Vec<(Kind, String)> {
        let Ok(Outcome::Session(new)) = self.login("").await else {
            panic!("no session");
        };
        let mut users = UserServiceClient::new(self.acme.admin.client.clone());
        let ask = ListUsersRequest {
            page_size: 1,
            ..Default::default()
        };
        let page = users.list_users(ask).await.expect("a page").into_inner();
        let mut logins = LoginServiceClient::new(self.anyone.clone());
        let ask = LoginRequest {
            tenant: "acme".into(),
            username: WHO.into(),
            password: self.secret.clone(),
            enrol_totp: true,
            ..Default::default()
        };
        let reply = logins.login(ask).await.expect("a flow").into_inner();
        let Some(Outcome::Flow(flow)) = reply.outcome else {
            panic!("no flow");
        };
        let ask = RequestPasswordResetRequest {
            tenant: "acme".into(),
            username: WHO.into(),
        };
        logins.request_password_reset(ask).await.expect("a mail");
        let mails = suite.mails();
        self.acme.invite("ivo@acme.example").await.expect("invited");
        vec![
            (Kind::Session, new.session_token),
            (Kind::Device, new.device_token),
            (Kind::Page, page.next_page_token),
            (Kind::Flow, flow.flow_token),
            (Kind::Reset, token_mailed_to(&mails, WHO).await),
            (
                Kind::Invitation,
                token_mailed_to(&mails, "ivo@acme.example").await,
            ),
        ]
    }
}

#[tokio::test]
async fn b_14_a_secret_is_good_for_its_own_purpose_alone() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite
        .company_with("acme", RoleSet::Standard, MfaPolicy::Optional)
        .await;
    let secret = password();
    acme.user(WHO, &secret).await;
    let scene = Scene {
        acme,
        anyone: suite.anyone(),
        secret,
    };
    let secrets = scene.secrets(&suite).await;
    for place in Place::ALL {
        for (kind, token) in &secrets {
            if *kind == place.wants() {
                continue;
            }
            let answer = scene.present(place, token).await;
            let status = answer.expect_err(&format!("{kind:?} was good for {place:?}"));
            assert_ne!(status.code(), Code::Internal, "{kind:?} at {place:?}");
        }
    }
    // The control: each is good for what it is, and is not used up yet.
    for place in [
        Place::Bearer,
        Place::ValidateSession,
        Place::EnrolTotp,
        Place::DeviceToken,
        Place::PageToken,
        Place::PreviewInvitation,
        Place::ResetPassword,
        Place::AcceptInvitation,
    ] {
        let (_, token) = secrets
            .iter()
            .find(|(kind, _)| *kind == place.wants())
            .expect("a secret of each kind");
        scene
            .present(place, token)
            .await
            .unwrap_or_else(|status| panic!("{place:?}: {status:?}"));
    }
    suite.stop().await;
}
