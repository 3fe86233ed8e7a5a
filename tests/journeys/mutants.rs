//! B-13: tokens that were changed. Signed tokens have theirs beside the verifier,
//! in `shared/rpc/tests`.

use contract::identity::{
    CreateApiKeyRequest, CreateServiceAccountRequest, CreateTokensRequest, GetUserRequest,
    RefreshTokensRequest, ValidateSessionRequest,
    service_account_service_client::ServiceAccountServiceClient,
    session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
    user_service_client::UserServiceClient,
};
use testkit::Client;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use usher_tests::{
    Suite,
    suite::{MANY_ATTEMPTS, MANY_CALLS},
};

/// What a token may be spelled with, and what it may not.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .%";

/// Tokens that differ from a good one: shorter, longer, in one letter, in case,
/// with another prefix. Every `step`th of those that differ in a letter.
fn mutants(token: &str, step: usize) -> Vec<String> {
    let mut all: Vec<String> = (1..token.len())
        .map(|end| token[..end].to_owned())
        .collect();
    all.extend(
        LETTERS
            .iter()
            .map(|letter| format!("{token}{}", char::from(*letter))),
    );
    all.extend([
        token.to_uppercase(),
        token.to_lowercase(),
        format!(" {token}"),
        format!("{token}{token}"),
        token[4..].to_owned(),
    ]);
    all.extend(["usr_", "usk_", "usf_", "usx_"].map(|prefix| format!("{prefix}{}", &token[4..])));
    for at in 0..token.len() {
        for letter in LETTERS.iter().skip(at % step).step_by(step) {
            let mut mutant = token.to_owned().into_bytes();
            mutant[at] = *letter;
            all.push(String::from_utf8(mutant).expect("text"));
        }
    }
    // Space around a credential belongs to its header.
    all.retain(|mutant| mutant.trim() != token);
    all
}

async fn validate(anyone: Client, session_token: String) -> Result<(), Status> {
    let ask = ValidateSessionRequest { session_token };
    let mut sessions = SessionServiceClient::new(anyone);
    sessions.validate_session(ask).await.map(drop)
}

async fn refresh(anyone: Client, refresh_token: String) -> Result<(), Status> {
    let ask = RefreshTokensRequest { refresh_token };
    let mut tokens = TokenServiceClient::new(anyone);
    tokens.refresh_tokens(ask).await.map(drop)
}

/// A call with this credential; nobody is found under a machine's id.
async fn call(anyone: Client, credential: String) -> Result<(), Status> {
    let client = anyone.signed_in(credential.trim());
    let mut users = UserServiceClient::new(client);
    match users.get_user(GetUserRequest::default()).await {
        Err(status) if status.code() == Code::NotFound => Ok(()),
        other => other.map(drop),
    }
}

async fn api_key(admin: &Client) -> String {
    let mut accounts = ServiceAccountServiceClient::new(admin.clone());
    let ask = CreateServiceAccountRequest {
        name: "robot".into(),
        ..Default::default()
    };
    let made = accounts.create_service_account(ask).await.expect("made");
    let ask = CreateApiKeyRequest {
        service_account_id: made.into_inner().service_account.expect("it").id,
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

/// Tries all of them, some at a time; each is refused. Answers how many.
async fn all_refused<F>(mutants: Vec<String>, code: Code, show: impl Fn(String) -> F) -> usize
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let count = mutants.len();
    let mut mutants = mutants.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < 16
            && let Some(mutant) = mutants.next()
        {
            let answer = show(mutant.clone());
            running.spawn(async move { (mutant, answer.await) });
        }
        let Some(done) = running.join_next().await else {
            return count;
        };
        let (mutant, answer) = done.expect("an answer");
        let refused = answer.expect_err(&mutant);
        assert!(
            refused.code() == code || refused.code() == Code::InvalidArgument,
            "{mutant}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn b_13_ten_thousand_changed_tokens_are_refused() {
    // Each from an address of its own: one alone would be kept from guessing.
    let flags = ["--trusted-proxies", "192.0.2.0/24"];
    let suite = Suite::start_with(&[&flags[..], &MANY_ATTEMPTS, &MANY_CALLS].concat()).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let kim = acme.member_without_roles("kim@acme.example").await;
    let made = TokenServiceClient::new(kim.client.clone())
        .create_tokens(CreateTokensRequest::default())
        .await;
    let refresh_token = made
        .expect("tokens")
        .into_inner()
        .tokens
        .expect("tokens")
        .refresh_token;
    let key = api_key(&acme.admin.client).await;

    let session = kim.session_token.clone();
    let mut tried = all_refused(mutants(&session, 1), Code::Unauthenticated, |mutant| {
        validate(anyone.clone(), mutant)
    })
    .await;
    tried += all_refused(
        mutants(&refresh_token, 1),
        Code::Unauthenticated,
        |mutant| refresh(anyone.clone(), mutant),
    )
    .await;
    let from = |at: usize| format!("198.18.{}.{}", at / 250, at % 250);
    let numbers = std::sync::atomic::AtomicUsize::new(0);
    tried += all_refused(mutants(&key, 5), Code::Unauthenticated, |mutant| {
        let at = numbers.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        call(anyone.with("x-forwarded-for", &from(at)), mutant)
    })
    .await;
    assert!(tried >= 10_000, "only {tried}");

    // The tokens themselves are good still: none of that ended anything.
    validate(anyone.clone(), session)
        .await
        .expect("the session");
    refresh(anyone.clone(), refresh_token)
        .await
        .expect("the refresh token");
    call(anyone, key).await.expect("the API key");
    suite.stop().await;
}
