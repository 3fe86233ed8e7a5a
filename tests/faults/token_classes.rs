//! B-14: a token of one kind is worth nothing where another is wanted.

use contract::identity::{
    ConfirmTotpRequest, CreateApiKeyRequest, CreateServiceAccountRequest, CreateTokensRequest,
    CreateUserRequest, EnrolTotpRequest, ExchangeTokenRequest, GetUserRequest,
    IssueServiceTokenRequest, LoginRequest, RefreshTokensRequest, RequestPasswordResetRequest,
    ResetPasswordRequest, ValidateSessionRequest, VerifyTotpRequest, login_response,
    login_service_client::LoginServiceClient,
    service_account_service_client::ServiceAccountServiceClient,
    session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
    user_service_client::UserServiceClient,
};
use contract::invitation::{
    AcceptInvitationRequest, CreateInvitationRequest, DeclineInvitationRequest, InvitationDraft,
    PreviewInvitationRequest, invitation_service_client::InvitationServiceClient,
};
use prost::Message as _;
use testkit::{Client, call_raw};
use tonic::{Code, Status};
use usher_tests::{World, fleet::SERVICE_KEY, password, suite::BOOTSTRAP_TOKEN, token_mailed_to};

/// Every kind of token that there is. A new one needs a line here and one in
/// [`tokens`]; where it is good stands in [`Place::takes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Session,
    ApiKey,
    Refresh,
    Access,
    Person,
    Service,
    Flow,
    Reset,
    Invitation,
    Page,
    ServiceKey,
    Bootstrap,
}

/// Every place where a token of some kind opens something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Gateway,
    PastTheGateway,
    AsAService,
    Validate,
    Exchange,
    Refresh,
    VerifyTotp,
    EnrolTotp,
    ConfirmTotp,
    ResetPassword,
    Preview,
    Accept,
    Decline,
    IssueServiceToken,
    NextPage,
}

const PLACES: [Place; 15] = [
    Place::Gateway,
    Place::PastTheGateway,
    Place::AsAService,
    Place::Validate,
    Place::Exchange,
    Place::Refresh,
    Place::VerifyTotp,
    Place::EnrolTotp,
    Place::ConfirmTotp,
    Place::ResetPassword,
    Place::Preview,
    Place::Accept,
    Place::Decline,
    Place::IssueServiceToken,
    Place::NextPage,
];

impl Place {
    /// The kinds that are good here.
    fn takes(self) -> &'static [Kind] {
        match self {
            Place::Gateway | Place::Exchange => &[Kind::Session, Kind::ApiKey],
            Place::PastTheGateway => &[Kind::Person],
            Place::AsAService => &[Kind::Service],
            Place::Validate => &[Kind::Session],
            Place::Refresh => &[Kind::Refresh],
            // A flow in which an authenticator is to be enrolled.
            Place::EnrolTotp => &[Kind::Flow],
            // The code is wrong, whatever the token.
            Place::VerifyTotp | Place::ConfirmTotp => &[],
            Place::ResetPassword => &[Kind::Reset],
            Place::Preview | Place::Accept | Place::Decline => &[Kind::Invitation],
            Place::IssueServiceToken => &[Kind::ServiceKey],
            Place::NextPage => &[Kind::Page],
        }
    }

    /// Whether it is used up by being good.
    fn uses_up(self) -> bool {
        matches!(self, Place::ResetPassword | Place::Accept | Place::Decline)
    }
}

/// The servers, and callers of each.
struct Stage<'a> {
    world: &'a World,
    gateway: Client,
    identity: Client,
    operator: Client,
    service_token: String,
}

impl Stage<'_> {
    async fn show(&self, token: &str, place: Place) -> Result<(), Status> {
        let token = token.to_owned();
        let mut logins = LoginServiceClient::new(self.gateway.clone());
        let mut tokens = TokenServiceClient::new(self.gateway.clone());
        let mut invitations = InvitationServiceClient::new(self.gateway.clone());
        match place {
            Place::Gateway => own_account(&self.gateway.signed_in(&token)).await,
            Place::PastTheGateway => own_account(&self.identity.signed_in(&token)).await,
            Place::AsAService => self.exchange_as(&token, "usr_unknown").await,
            Place::Validate => {
                let ask = ValidateSessionRequest {
                    session_token: token,
                };
                let mut sessions = SessionServiceClient::new(self.gateway.clone());
                sessions.validate_session(ask).await.map(drop)
            }
            Place::Exchange => self.exchange(token).await.map(drop),
            Place::Refresh => {
                let ask = RefreshTokensRequest {
                    refresh_token: token,
                };
                tokens.refresh_tokens(ask).await.map(drop)
            }
            Place::VerifyTotp => {
                let ask = VerifyTotpRequest {
                    flow_token: token,
                    code: "000000".into(),
                };
                logins.verify_totp(ask).await.map(drop)
            }
            Place::EnrolTotp => {
                let ask = EnrolTotpRequest { flow_token: token };
                logins.enrol_totp(ask).await.map(drop)
            }
            Place::ConfirmTotp => {
                let ask = ConfirmTotpRequest {
                    flow_token: token,
                    code: "000000".into(),
                };
                logins.confirm_totp(ask).await.map(drop)
            }
            Place::ResetPassword => {
                let ask = ResetPasswordRequest {
                    token,
                    password: password(),
                };
                logins.reset_password(ask).await.map(drop)
            }
            Place::Preview => {
                let ask = PreviewInvitationRequest { token };
                invitations.preview_invitation(ask).await.map(drop)
            }
            Place::Accept => {
                let ask = AcceptInvitationRequest {
                    token,
                    password: password(),
                    ..Default::default()
                };
                invitations.accept_invitation(ask).await.map(drop)
            }
            Place::Decline => {
                let ask = DeclineInvitationRequest { token };
                invitations.decline_invitation(ask).await.map(drop)
            }
            Place::IssueServiceToken => self.service_token(token).await.map(drop),
            Place::NextPage => {
                let ask = contract::identity::ListUsersRequest {
                    page_size: 1,
                    page_token: token,
                    ..Default::default()
                };
                let mut users = UserServiceClient::new(self.operator.clone());
                users.list_users(ask).await.map(drop)
            }
        }
    }

    async fn service_token(&self, key: String) -> Result<String, Status> {
        let ask = IssueServiceTokenRequest {
            service: "gateway".into(),
            key,
        };
        let mut tokens = TokenServiceClient::new(self.identity.clone());
        Ok(tokens.issue_service_token(ask).await?.into_inner().jwt)
    }

    /// Exchanges as the gateway does.
    async fn exchange(&self, token: String) -> Result<String, Status> {
        let gateway = self.identity.with("usher-service", &self.service_token);
        let ask = ExchangeTokenRequest {
            token,
            tenant: String::new(),
        };
        let mut tokens = TokenServiceClient::new(gateway);
        Ok(tokens.exchange_token(ask).await?.into_inner().jwt)
    }

    /// Whether a token makes the call one of a service; that what it exchanges is
    /// unknown does not matter.
    async fn exchange_as(&self, service_token: &str, token: &str) -> Result<(), Status> {
        let as_service = self.identity.with("usher-service", service_token);
        let ask = ExchangeTokenRequest {
            token: token.into(),
            tenant: String::new(),
        };
        let path = "/usher.identity.v1.TokenService/ExchangeToken";
        match call_raw(&as_service, path, ask.encode_to_vec()).await {
            Err(status) if status.message().contains("never was") => Ok(()),
            other => other.map(drop),
        }
    }
}

async fn own_account(client: &Client) -> Result<(), Status> {
    // A machine is no user: that it is let in and not found is enough.
    let mut users = UserServiceClient::new(client.clone());
    match users.get_user(GetUserRequest::default()).await {
        Err(status) if status.code() == Code::NotFound => Ok(()),
        other => other.map(drop),
    }
}

async fn flow(stage: &Stage<'_>, email: &str, password: &str) -> String {
    let ask = LoginRequest {
        tenant: "classes".into(),
        username: email.into(),
        password: password.into(),
        enrol_totp: true,
        ..Default::default()
    };
    let mut logins = LoginServiceClient::new(stage.gateway.clone());
    match logins
        .login(ask)
        .await
        .expect("a flow")
        .into_inner()
        .outcome
    {
        Some(login_response::Outcome::Flow(flow)) => flow.flow_token,
        other => panic!("no flow, but {other:?}"),
    }
}

async fn user(stage: &Stage<'_>, email: &str, password: &str) {
    let ask = CreateUserRequest {
        first_name: "Token".into(),
        last_name: "Holder".into(),
        email: email.into(),
        password: password.into(),
        ..Default::default()
    };
    let mut users = UserServiceClient::new(stage.operator.clone());
    users.create_user(ask).await.expect("a user");
}

async fn api_key(stage: &Stage<'_>) -> String {
    let mut accounts = ServiceAccountServiceClient::new(stage.operator.clone());
    let ask = CreateServiceAccountRequest {
        name: "robot".into(),
        ..Default::default()
    };
    let made = accounts.create_service_account(ask).await.expect("made");
    let account = made.into_inner().service_account.expect("an account");
    let ask = CreateApiKeyRequest {
        service_account_id: account.id,
        display_name: "robot".into(),
        ..Default::default()
    };
    accounts
        .create_api_key(ask)
        .await
        .expect("a key")
        .into_inner()
        .key
}

async fn invitation(stage: &Stage<'_>, email: &str) -> String {
    let ask = CreateInvitationRequest {
        invitation: Some(InvitationDraft {
            email: email.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut invitations = InvitationServiceClient::new(stage.operator.clone());
    invitations
        .create_invitation(ask)
        .await
        .expect("an invitation");
    token_mailed_to(&stage.world.mails(), email).await
}

async fn reset(stage: &Stage<'_>, email: &str) -> String {
    let ask = RequestPasswordResetRequest {
        tenant: "classes".into(),
        username: email.into(),
    };
    let mut logins = LoginServiceClient::new(stage.gateway.clone());
    logins.request_password_reset(ask).await.expect("a mail");
    token_mailed_to(&stage.world.mails(), email).await
}

async fn page(stage: &Stage<'_>) -> String {
    let ask = contract::identity::ListUsersRequest {
        page_size: 1,
        ..Default::default()
    };
    let mut users = UserServiceClient::new(stage.operator.clone());
    users
        .list_users(ask)
        .await
        .expect("a page")
        .into_inner()
        .next_page_token
}

/// One of each kind, all good.
async fn tokens(stage: &Stage<'_>) -> Vec<(Kind, String)> {
    let secret = password();
    for email in ["flow@classes.example", "reset@classes.example"] {
        user(stage, email, &secret).await;
    }
    let operator = &stage.world.operator;
    let made = TokenServiceClient::new(operator.client.clone())
        .create_tokens(CreateTokensRequest::default())
        .await;
    let made = made.expect("tokens").into_inner().tokens.expect("tokens");
    let person = stage.exchange(operator.session_token.clone()).await;
    vec![
        (Kind::Session, operator.session_token.clone()),
        (Kind::ApiKey, api_key(stage).await),
        (Kind::Refresh, made.refresh_token),
        (Kind::Access, made.access_token),
        (Kind::Person, person.expect("a signed token")),
        (Kind::Service, stage.service_token.clone()),
        (
            Kind::Flow,
            flow(stage, "flow@classes.example", &secret).await,
        ),
        (Kind::Reset, reset(stage, "reset@classes.example").await),
        (
            Kind::Invitation,
            invitation(stage, "invited@classes.example").await,
        ),
        (Kind::Page, page(stage).await),
        (Kind::ServiceKey, SERVICE_KEY.to_owned()),
        (Kind::Bootstrap, BOOTSTRAP_TOKEN.to_owned()),
    ]
}

#[tokio::test]
async fn b_14_no_kind_of_token_is_taken_for_another() {
    let world = World::separate(&testkit::redis().0, &[], &[]).await;
    let operator = world.tenant("classes").await;
    let mut stage = Stage {
        gateway: world.anyone(),
        identity: Client::new(world.services["identity"].channel()),
        operator,
        service_token: String::new(),
        world: &world,
    };
    let service_token = stage.service_token(SERVICE_KEY.to_owned()).await;
    stage.service_token = service_token.expect("the token of a service");
    let tokens = tokens(&stage).await;
    // Wrong tokens first; what a right one uses up comes last.
    let mut tried = 0;
    for (kind, token) in &tokens {
        for place in PLACES {
            if !place.takes().contains(kind) {
                tried += 1;
                let answer = stage.show(token, place).await;
                let refused = answer.expect_err(&format!("{kind:?} is taken at {place:?}"));
                assert_ne!(
                    refused.code(),
                    Code::Internal,
                    "{kind:?} at {place:?}: {refused:?}"
                );
            }
        }
    }
    assert_eq!(tried + right().len(), tokens.len() * PLACES.len());
    // And the same tokens are good where they belong.
    let (rough, gentle): (Vec<_>, Vec<_>) =
        right().into_iter().partition(|(_, place)| place.uses_up());
    for (kind, place) in gentle.into_iter().chain(rough) {
        if place == Place::Decline {
            continue; // Accepted just now.
        }
        let token = tokens.iter().find(|(one, _)| *one == kind);
        let (_, token) = token.expect("one of each kind");
        let answer = stage.show(token, place).await;
        answer.unwrap_or_else(|status| panic!("{kind:?} is refused at {place:?}: {status:?}"));
    }
    drop(stage);
    world.end().await;
}

/// Where each kind is good.
fn right() -> Vec<(Kind, Place)> {
    PLACES
        .iter()
        .flat_map(|place| place.takes().iter().map(|kind| (*kind, *place)))
        .collect()
}
