//! Access tokens for other systems, refresh tokens, signing keys.

use std::collections::BTreeMap;

use contract::identity::{
    CreateTokensRequest, GetKeySetRequest, Jwk, ListAuditRecordsRequest, RefreshTokensRequest,
    RotateSigningKeysRequest, Tokens, ValidateSessionRequest,
    audit_service_client::AuditServiceClient, session_service_client::SessionServiceClient,
    token_service_client::TokenServiceClient,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngSeed, TestRunner},
};
use serde_json::Value;
use std::time::Duration;
use testkit::{Client, until};
use tonic::Status;
use usher_tests::{
    Member, Suite,
    suite::{MANY_ATTEMPTS, MANY_CALLS},
};

use crate::assert_refused;

async fn create(member: &Member) -> Tokens {
    try_create(&member.client).await.expect("tokens")
}

async fn try_create(client: &Client) -> Option<Tokens> {
    let mut tokens = TokenServiceClient::new(client.clone());
    let reply = tokens.create_tokens(CreateTokensRequest::default()).await;
    reply.ok()?.into_inner().tokens
}

async fn refresh(anyone: &Client, refresh_token: &str) -> Result<Tokens, Status> {
    let ask = RefreshTokensRequest {
        refresh_token: refresh_token.into(),
    };
    let mut tokens = TokenServiceClient::new(anyone.clone());
    let reply = tokens.refresh_tokens(ask).await?.into_inner();
    Ok(reply.tokens.expect("tokens"))
}

async fn holds(anyone: &Client, session_token: &str) -> bool {
    let ask = ValidateSessionRequest {
        session_token: session_token.into(),
    };
    let mut sessions = SessionServiceClient::new(anyone.clone());
    sessions.validate_session(ask).await.is_ok()
}

async fn key_set(anyone: &Client) -> BTreeMap<String, Jwk> {
    let mut tokens = TokenServiceClient::new(anyone.clone());
    let keys = tokens.get_key_set(GetKeySetRequest {}).await;
    let keys = keys.expect("keys").into_inner().keys.into_iter();
    keys.map(|key| (key.kid.clone(), key)).collect()
}

/// What another system makes of an access token: only the key set is asked.
async fn verified(anyone: &Client, access_token: &str, audience: &str) -> Option<Value> {
    let header = jsonwebtoken::decode_header(access_token).ok()?;
    assert_eq!(header.typ.as_deref(), Some("at+jwt"), "RFC 9068");
    let keys = key_set(anyone).await;
    let key = keys.get(&header.kid?)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["https://id.acme.example"]);
    validation.set_audience(&[audience]);
    let key = DecodingKey::from_ed_components(&key.x).ok()?;
    let data = jsonwebtoken::decode::<Value>(access_token, &key, &validation);
    data.ok().map(|data| data.claims)
}

#[tokio::test]
async fn p_08_an_access_token_is_verified_offline_and_refreshed() {
    let names = [
        "--token-issuer",
        "https://id.acme.example",
        "--token-audience",
        "shop",
    ];
    let suite = Suite::start_with(&[&names[..], &MANY_ATTEMPTS].concat()).await;
    let acme = suite.company("acme").await;
    let olga = acme.member_without_roles("olga@acme.example").await;
    let anyone = suite.anyone();
    let tokens = create(&olga).await;
    let claims = verified(&anyone, &tokens.access_token, "shop").await;
    let claims = claims.expect("a good token");
    assert_eq!(claims["sub"], olga.user_id.as_str());
    assert_eq!(claims["tid"], acme.id.as_str());
    assert_eq!(claims["acr"], "aal1");
    assert_eq!(
        claims["exp"].as_i64(),
        claims["iat"].as_i64().map(|iat| iat + 300)
    );
    assert!(
        verified(&anyone, &tokens.access_token, "another")
            .await
            .is_none()
    );

    let next = refresh(&anyone, &tokens.refresh_token)
        .await
        .expect("the next");
    assert_ne!(next.access_token, tokens.access_token);
    assert_ne!(next.refresh_token, tokens.refresh_token);
    assert!(
        verified(&anyone, &next.access_token, "shop")
            .await
            .is_some()
    );
    // A token outlives its session nowhere: a week after the login all is over,
    // however often the session was used.
    let mut current = next;
    for _ in 0..6 {
        for _ in 0..4 {
            suite.time().advance(Duration::from_hours(6));
            current = refresh(&anyone, &current.refresh_token)
                .await
                .expect("used");
        }
    }
    suite.later(Duration::from_hours(24)).await;
    assert_refused!(
        refresh(&anyone, &current.refresh_token).await,
        "REFRESH_TOKEN_ENDED"
    );
    suite.stop().await;
}

#[tokio::test]
async fn p_08_a_session_has_ten_refresh_tokens_at_most() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let pia = acme.member_without_roles("pia@acme.example").await;
    let anyone = suite.anyone();
    let mut made = Vec::new();
    for _ in 0..11 {
        made.push(create(&pia).await.refresh_token);
    }
    // The oldest has ended, and showing it is no theft.
    assert_refused!(refresh(&anyone, &made[0]).await, "REFRESH_TOKEN_ENDED");
    for token in &made[1..] {
        refresh(&anyone, token).await.expect("one of ten");
    }
    suite.stop().await;
}

/// Somebody with a refresh token, as far as they know.
#[derive(Clone, Copy, Debug)]
enum Holder {
    Client,
    Thief,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody refreshes, and so many replies are lost before one arrives.
    Refresh(Holder, u8),
    /// The thief copies the client's token.
    Steal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..4u8).prop_map(|lost| Step::Refresh(Holder::Client, lost)),
        3 => (0..4u8).prop_map(|lost| Step::Refresh(Holder::Thief, lost)),
        2 => Just(Step::Steal),
    ]
}

/// What must become of a session: of tokens only their numbers count.
#[derive(Default)]
struct Model {
    newest: u32,
    parent: u32,
    client: u32,
    thief: Option<u32>,
    over: bool,
}

impl Model {
    fn begin() -> Self {
        Self {
            newest: 1,
            client: 1,
            ..Self::default()
        }
    }

    /// Whether showing this number is answered; and what follows.
    fn show(&mut self, number: u32) -> bool {
        self.over |= number != self.newest && number != self.parent;
        if !self.over {
            self.parent = number;
            self.newest += 1;
        }
        !self.over
    }
}

/// The session of a model, and the tokens behind the numbers.
struct Chain {
    member: Member,
    tokens: Vec<String>,
    model: Model,
}

impl Chain {
    async fn begin(member: Member) -> Self {
        let first = create(&member).await.refresh_token;
        Self {
            member,
            tokens: vec![String::new(), first],
            model: Model::begin(),
        }
    }

    /// Somebody refreshes once; answers how often the reply was lost.
    async fn refresh(&mut self, anyone: &Client, holder: Holder, lost: u8) -> u32 {
        let held = match holder {
            Holder::Client => Some(self.model.client),
            Holder::Thief => self.model.thief,
        };
        let Some(number) = held else {
            return 0;
        };
        let mut drops = 0;
        for attempt in 0..=lost {
            let expected = self.model.show(number);
            match refresh(anyone, &self.tokens[number as usize]).await {
                Ok(next) => {
                    assert!(expected, "a superseded token was taken");
                    self.tokens.push(next.refresh_token);
                    drops += u32::from(attempt < lost);
                }
                Err(refused) => {
                    assert!(!expected, "a false logout: {refused:?}");
                    let reason = testkit::refusal(&refused).reason;
                    assert_eq!(reason, "REFRESH_TOKEN_ENDED");
                    return drops;
                }
            }
        }
        match holder {
            Holder::Client => self.model.client = self.model.newest,
            Holder::Thief => self.model.thief = Some(self.model.newest),
        }
        drops
    }
}

#[tokio::test]
async fn b_16_a_thousand_lost_replies_log_nobody_out() {
    let suite = Suite::start_with(&[MANY_ATTEMPTS, MANY_CALLS].concat()).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let quinn = acme.member_without_roles("quinn@acme.example").await;
    let mut chain = Chain::begin(quinn).await;
    let (mut drops, mut round) = (0, 0u8);
    while drops < 1000 {
        round = round.wrapping_add(1);
        drops += chain.refresh(&anyone, Holder::Client, round % 5).await;
    }
    assert!(holds(&anyone, &chain.member.session_token).await);
    suite.stop().await;
}

/// Refreshing, losing replies and stealing in all orders: the service does what
/// the model says, and after a theft not both go on.
#[tokio::test]
async fn b_16_a_stolen_token_ends_the_session_in_every_order() {
    let suite = Suite::start_with(&[MANY_ATTEMPTS, MANY_CALLS].concat()).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(16),
        ..Config::default()
    });
    let (mut thefts, mut caught) = (0, 0);
    for case in 0..60 {
        let steps = prop::collection::vec(step(), 1..12)
            .new_tree(&mut runner)
            .expect("steps")
            .current();
        let victim = format!("victim{case}@acme.example");
        let mut chain = Chain::begin(acme.member_without_roles(&victim).await).await;
        // How often each has got a token since the theft.
        let mut since = [0, 0];
        for step in &steps {
            match step {
                Step::Steal => {
                    chain.model.thief = Some(chain.model.client);
                    since = [0, 0];
                }
                Step::Refresh(holder, lost) => {
                    chain.refresh(&anyone, *holder, *lost).await;
                    if chain.model.thief.is_some() && !chain.model.over {
                        since[*holder as usize] += 1;
                    }
                }
            }
            let live = holds(&anyone, &chain.member.session_token).await;
            assert_eq!(live, !chain.model.over, "{steps:?}");
            assert!(
                since.iter().any(|times| *times <= 1),
                "both go on: {steps:?}"
            );
        }
        thefts += u32::from(chain.model.thief.is_some());
        caught += u32::from(chain.model.over);
    }
    assert!(
        thefts >= 20 && caught >= 10,
        "{caught} of {thefts}: too tame"
    );
    suite.stop().await;
}

#[tokio::test]
async fn b_16_the_trail_tells_of_a_replayed_token() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let rosa = acme.member_without_roles("rosa@acme.example").await;
    let first = create(&rosa).await.refresh_token;
    let second = refresh(&anyone, &first).await.expect("the second");
    refresh(&anyone, &second.refresh_token)
        .await
        .expect("the third");
    assert_refused!(refresh(&anyone, &first).await, "REFRESH_TOKEN_ENDED");
    let record = until("the replay in the trail", || async {
        let ask = ListAuditRecordsRequest {
            actions: vec!["refresh_token_replayed".into()],
            ..Default::default()
        };
        let mut audit = AuditServiceClient::new(acme.admin.client.clone());
        audit
            .list_audit_records(ask)
            .await
            .ok()?
            .into_inner()
            .records
            .pop()
    })
    .await;
    assert_eq!(record.actor.expect("an actor").user_id, rosa.user_id);
    suite.stop().await;
}

fn kid(token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).expect("a header");
    header.kid.expect("a key id")
}

#[tokio::test]
async fn b_76_signing_keys_rotate_under_load_and_nobody_notices() {
    let suite = Suite::start_with(&[MANY_ATTEMPTS, MANY_CALLS].concat()).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    let operator = suite.operator().client.clone();
    let sven = acme.member_without_roles("sven@acme.example").await;
    assert_refused!(
        TokenServiceClient::new(acme.admin.client.clone())
            .rotate_signing_keys(RotateSigningKeysRequest::default())
            .await,
        "PERMISSION_DENIED"
    );

    let mut kids = Vec::new();
    for _ in 0..3 {
        let before = kid(&create(&sven).await.access_token);
        let rotated = TokenServiceClient::new(operator.clone())
            .rotate_signing_keys(RotateSigningKeysRequest::default())
            .await
            .expect("a new key")
            .into_inner();
        // Published at once, and not signing yet.
        let keys = until("the new key in the key set", || async {
            let keys = key_set(&anyone).await;
            keys.contains_key(&rotated.kid).then_some(keys)
        })
        .await;
        assert!(keys.contains_key(&before));
        let early = create(&sven).await.access_token;
        assert_eq!(kid(&early), before);

        suite.time().advance(Duration::from_secs(121));
        // Once the gateway has noticed that time was moved.
        let late = until("tokens", || try_create(&sven.client))
            .await
            .access_token;
        assert_eq!(kid(&late), rotated.kid);
        // What was signed before is verified still, and every call goes on.
        assert!(key_set(&anyone).await.contains_key(&before));
        for client in [&acme.admin.client, &operator] {
            until("a call under the new key", || try_create(client)).await;
        }
        kids.push(before);
    }
    // Once the longest token has ended they are withdrawn.
    suite.time().advance(Duration::from_hours(2));
    until("the old keys withdrawn", || async {
        let keys = key_set(&anyone).await;
        kids.iter().all(|kid| !keys.contains_key(kid)).then_some(())
    })
    .await;
    suite.stop().await;
}
