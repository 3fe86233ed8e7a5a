//! B-13: only what identity signed, as it signed it, for what it signed it.

use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::errors::ErrorReason;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::island::{NOW, Running, header, somebody, start};

async fn refused(running: &Running, token: &str, what: &str) {
    let error = running.verifier.person(token).await.expect_err(what);
    assert!(error.is(ErrorReason::CredentialInvalid), "{what}: {error}");
}

#[tokio::test]
async fn a_good_token_says_who() {
    let running = start();
    let who = somebody();
    let person = running
        .verifier
        .person(&running.island.token(who))
        .await
        .expect("it is good");
    assert_eq!(
        (person.user, person.tenant, person.home, person.session),
        (who.user, who.tenant, who.home, Some(who.session))
    );
}

#[tokio::test]
async fn b_13_every_mutant_of_a_good_token_is_refused() {
    let running = start();
    let token = running.island.token(somebody());
    let mut mutants = token.len();
    for end in 0..token.len() {
        refused(&running, &token[..end], "truncated").await;
    }
    // The last character carries bits that the decoder must not ignore either.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
    for at in 0..token.len() {
        for other in alphabet.iter().skip(at % 3).step_by(3) {
            let mut mutant = token.clone().into_bytes();
            if mutant[at] != *other {
                mutant[at] = *other;
                mutants += 1;
                refused(
                    &running,
                    &String::from_utf8(mutant).expect("text"),
                    "one character",
                )
                .await;
            }
        }
    }
    assert!(mutants >= 10_000, "only {mutants} mutants");
    for longer in [
        format!("{token}A"),
        format!("{token}."),
        format!("{token}.A"),
        format!(" {token}"),
        format!("{token}="),
    ] {
        refused(&running, &longer, "extended").await;
    }
    let parts: Vec<_> = token.split('.').collect();
    refused(
        &running,
        &format!("{}.{}.", parts[0], parts[1]),
        "no signature",
    )
    .await;
    refused(&running, &"x".repeat(100_000), "huge").await;
}

#[tokio::test]
async fn no_other_algorithm_will_do() {
    let running = start();
    let island = &running.island;
    let claims = island.claims(somebody());
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "None", "NONE", ""] {
        let head = encode(&json!({"alg": alg, "typ": rpc::verify::PERSON, "kid": "k1"}));
        refused(
            &running,
            &format!("{head}.{}.", encode(&claims)),
            "alg none",
        )
        .await;
    }
    // The public key as the secret of a symmetric algorithm.
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let head = Header {
            alg: algorithm,
            ..header(rpc::verify::PERSON)
        };
        for secret in [
            island.public().as_bytes().to_vec(),
            URL_SAFE_NO_PAD.decode(island.public()).expect("base64"),
        ] {
            let token = jsonwebtoken::encode(&head, &claims, &EncodingKey::from_secret(&secret))
                .expect("a token");
            refused(&running, &token, "HS with the public key").await;
        }
    }
}

#[tokio::test]
async fn every_claim_must_be_there_and_right() {
    let running = start();
    let island = &running.island;
    let good = island.claims(somebody());
    let wrong = [
        ("iss", json!("other")),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("sub", json!("")),
        ("sub", json!("me")),
        ("tid", json!("x")),
        ("hom", json!(7)),
        ("sid", json!(null)),
        ("exp", json!("later")),
        ("exp", json!(NOW - 5)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
    ];
    for (claim, value) in wrong {
        let mut claims = good.clone();
        claims[claim] = value;
        refused(
            &running,
            &island.sign(&header(rpc::verify::PERSON), &claims),
            claim,
        )
        .await;
    }
    for claim in ["iss", "aud", "sub", "tid", "hom", "sid", "exp"] {
        let mut claims = good.clone();
        claims.as_object_mut().expect("claims").remove(claim);
        refused(
            &running,
            &island.sign(&header(rpc::verify::PERSON), &claims),
            claim,
        )
        .await;
    }
}

#[tokio::test]
async fn classes_and_keys_are_not_mixed_up() {
    let running = start();
    let island = &running.island;
    let claims = island.claims(somebody());
    // `at+jwt` is for other systems (B-14).
    for typ in ["at+jwt", "usher-service+jwt", "JWT", "AT+JWT", ""] {
        refused(&running, &island.sign(&header(typ), &claims), typ).await;
    }
    let untyped = Header {
        typ: None,
        ..header("")
    };
    refused(&running, &island.sign(&untyped, &claims), "no type").await;
    for kid in [None, Some(""), Some("k2"), Some("../k1"), Some("k1 ")] {
        let head = Header {
            kid: kid.map(str::to_owned),
            ..header(rpc::verify::PERSON)
        };
        refused(&running, &island.sign(&head, &claims), "key id").await;
    }
    let person = island.token(somebody());
    assert!(
        running.verifier.peer(&person).await.is_err(),
        "a person is no service"
    );
    let stranger = start();
    refused(
        &running,
        &stranger.island.token(somebody()),
        "another suite's key of the same name",
    )
    .await;
}

#[tokio::test]
async fn a_remembered_token_expires() {
    let running = start();
    let token = running.island.token(somebody());
    running.verifier.person(&token).await.expect("it is good");
    running.island.now.store(NOW + 64, Ordering::Relaxed);
    running
        .verifier
        .person(&token)
        .await
        .expect("within the leeway");
    running.island.now.store(NOW + 65, Ordering::Relaxed);
    refused(&running, &token, "expired").await;
}

#[tokio::test]
async fn invented_key_ids_fetch_no_keys() {
    let running = start();
    running
        .verifier
        .person(&running.island.token(somebody()))
        .await
        .expect("it is good");
    for number in 0..50 {
        let head = Header {
            kid: Some(format!("k{number}x")),
            ..header(rpc::verify::PERSON)
        };
        refused(
            &running,
            &running
                .island
                .sign(&head, &running.island.claims(somebody())),
            "invented",
        )
        .await;
    }
    assert_eq!(running.island.key_fetches.load(Ordering::Relaxed), 1);
}

/// A good token with some of its letters changed, left out or doubled; parts that
/// look like those of a token; or any text.
fn mutant(token: String) -> impl Strategy<Value = String> {
    let letter = prop::char::range(' ', '~');
    let change = (any::<Index>(), 0..3_u8, letter);
    let changed = prop::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut letters: Vec<char> = token.chars().collect();
        for (at, how, letter) in changes {
            let at = at.index(letters.len());
            match how {
                0 => letters[at] = letter,
                1 if letters.len() > 1 => drop(letters.remove(at)),
                _ => letters.insert(at, letters[at]),
            }
        }
        letters.into_iter().collect::<String>()
    });
    let part = "\\{(\"(alg|typ|kid|jwk|crit|zip)\":(\"EdDSA\"|\"usher-person\\+jwt\"|\"k1\"|null|7|\\[\\]|\\{\\}),?){0,4}\\}";
    let parts = prop::collection::vec(
        part.prop_map(|part: String| URL_SAFE_NO_PAD.encode(part)),
        1..5,
    );
    prop_oneof![
        4 => changed,
        2 => parts.prop_map(|parts| parts.join(".")),
        1 => "\\PC{0,200}",
    ]
}

/// JSON that claims something, or nothing.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(json!("usher")),
        Just(json!(["usher", 7])),
        Just(json!({})),
    ]
}

/// The parser takes any text without a panic, and none in that identity did not
/// sign. `PROPTEST_CASES` tries more.
#[test]
fn fuzz_any_text_is_a_token_or_refused() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let running = runtime.block_on(async { start() });
    let token = running.island.token(somebody());
    let config = ProptestConfig::with_cases(20_000);
    proptest!(config, |(text in mutant(token.clone()))| {
        if text != token {
            let answer = runtime.block_on(running.verifier.person(&text));
            prop_assert!(answer.is_err_and(|error| error.is(ErrorReason::CredentialInvalid)));
        }
    });
}

/// Also what is signed is not believed to be what it is not.
#[test]
fn fuzz_any_claims_are_a_persons_or_refused() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let running = runtime.block_on(async { start() });
    let good = running.island.claims(somebody());
    let names = [
        "iss", "aud", "sub", "tid", "hom", "sid", "akid", "exp", "nbf", "x",
    ];
    let changes = prop::collection::vec((prop::sample::select(names.to_vec()), value()), 1..4);
    let config = ProptestConfig::with_cases(5_000);
    proptest!(config, |(changes in changes)| {
        let mut claims = good.clone();
        for (name, value) in changes {
            claims[name] = value;
        }
        let token = running.island.sign(&header(rpc::verify::PERSON), &claims);
        match runtime.block_on(running.verifier.person(&token)) {
            Ok(person) => {
                prop_assert_eq!(claims["sub"].as_str(), Some(&*person.user.to_string()));
                prop_assert_eq!(claims["tid"].as_str(), Some(&*person.tenant.to_string()));
                prop_assert_eq!(claims["hom"].as_str(), Some(&*person.home.to_string()));
                prop_assert_eq!(&claims["iss"], "usher");
                prop_assert!(claims["exp"].as_i64().is_some_and(|exp| exp > NOW - 5));
            }
            Err(error) => prop_assert!(error.is(ErrorReason::CredentialInvalid)),
        }
    });
}
