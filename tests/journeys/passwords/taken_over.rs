//! Passwords that other systems hashed, and what becomes of them.

use contract::identity::{CreateUserRequest, FirstPassword};
use testkit::eventually;
use usher_tests::{Company, Suite, password, sign_in, suite::MANY_ATTEMPTS};

use super::{create, person};
use crate::{assert_refused, logins::login};

const SECRET: &str = "correct horse battery staple";

/// Made by others: libargon2, OpenSSL and libxcrypt.
const CORPUS: [&str; 9] = [
    "$argon2i$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$EY12I7uGyoBHzuQuFWt3F/Kvu99fJBY2qYsz2KZSrj8",
    "$argon2d$v=19$m=4096,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$jIrBTpjyJEo45vbWLD1DpVFNtIW50zR8L2EDiKw6ipQ",
    "$argon2id$v=19$m=4096,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$WnyhJNrhMmazCUxk3W+KJq457RNqILQktDTqyPaOJF4",
    "$scrypt$ln=14,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$tjK03tRvEjqCcPwmgtddMkgjlXrk8U/b9rIvfeBMKCc",
    "$pbkdf2-sha256$i=10000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$VqOEAUrTaAjMD6sh91JvmGtbD+YNGnXNMbfIDxgj094",
    "$pbkdf2-sha512$i=10000$MDEyMzQ1Njc4OWFiY2RlZg$65k18lcTeFdukscQY3D3rRdwY5aW4wdAVnY52d5rJSdq3bBmC871USjyB75nPDYhNt2RBZGJYOqmA3AxJjx2Gg",
    "$2a$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
    "$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
];

async fn take_over(acme: &Company, email: &str, hash: &str) -> Result<String, tonic::Status> {
    let ask = CreateUserRequest {
        first_password: FirstPassword::Hashed.into(),
        password_hash: hash.into(),
        ..person(email)
    };
    Ok(create(acme, ask).await?.id)
}

/// The hashes that are not as they are made now.
async fn old(suite: &Suite) -> i64 {
    let mut database = suite.database().connect().await;
    sqlx::query_scalar(
        "SELECT count(*) FROM identity.passwords
         WHERE key_version <> 1 OR hash NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'",
    )
    .fetch_one(&mut database)
    .await
    .expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p_09_b_06_hashes_of_others_are_taken_over_and_replaced_at_the_next_login() {
    let suite = Suite::start_with(&MANY_ATTEMPTS).await;
    let acme = suite.company("acme").await;
    let anyone = suite.anyone();
    for (number, hash) in CORPUS.into_iter().enumerate() {
        let email = format!("user{number}@acme.example");
        take_over(&acme, &email, hash).await.expect(hash);
        assert_refused!(
            login(&anyone, "acme", &email, "correct horse battery stapl").await,
            "CREDENTIALS_WRONG"
        );
    }
    assert_eq!(old(&suite).await, 9, "a wrong password replaces nothing");
    // Six at a time each: no login fails because another was first.
    for (number, hash) in CORPUS.into_iter().enumerate() {
        let logins = (0..6).map(|_| {
            let (anyone, email) = (anyone.clone(), format!("user{number}@acme.example"));
            tokio::spawn(async move { sign_in(&anyone, "acme", &email, SECRET).await })
        });
        for login in logins.collect::<Vec<_>>() {
            login
                .await
                .expect("no panic")
                .unwrap_or_else(|error| panic!("{hash}: {error}"));
        }
    }
    assert_eq!(old(&suite).await, 0, "all are ours after the first login");
    for number in 0..CORPUS.len() {
        let email = format!("user{number}@acme.example");
        sign_in(&anyone, "acme", &email, SECRET)
            .await
            .expect("with ours as well");
    }
    suite.stop().await;
}

/// Whoever brings hashes as dear as may be, and hammers at them, costs their own
/// users their logins and nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p_09_b_71_dear_hashes_of_one_tenant_keep_nobody_of_another_out() {
    // A machine that runs many tests takes its time.
    let patient = [&MANY_ATTEMPTS[..], &["--login-wait-ms", "6000"]].concat();
    let suite = Suite::start_with(&patient).await;
    let (acme, globex) = (suite.company("acme").await, suite.company("globex").await);
    let anyone = suite.anyone();
    let dear = CORPUS[4].replace("i=10000", "i=2000000");
    for number in 0..10 {
        let email = format!("dear{number}@acme.example");
        take_over(&acme, &email, &dear)
            .await
            .expect("as dear as may be");
    }
    let secret = password();
    globex.user("gus@globex.example", &secret).await;
    let hammering: Vec<_> = (0..10)
        .map(|number| {
            let (anyone, email) = (anyone.clone(), format!("dear{number}@acme.example"));
            tokio::spawn(async move {
                for _ in 0..30 {
                    let _ = login(&anyone, "acme", &email, "not the password").await;
                }
            })
        })
        .collect();
    eventually("all hammer", || async {
        let mut database = suite.database().connect().await;
        let sql = "SELECT count(*) >= 5 FROM identity.attempts WHERE failures > 0 OR pending > 0";
        sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .expect("an answer")
    })
    .await;
    for _ in 0..10 {
        sign_in(&anyone, "globex", "gus@globex.example", &secret)
            .await
            .expect("others log in as ever");
    }
    hammering.iter().for_each(tokio::task::JoinHandle::abort);
    suite.stop().await;
}

#[tokio::test]
async fn p_09_a_hash_that_costs_too_much_or_is_none_is_refused_by_its_field() {
    let suite = Suite::start().await;
    let acme = suite.company("acme").await;
    for (hash, rule) in [
        (CORPUS[0].replace("m=4096", "m=4194304"), "64 MiB"),
        (
            CORPUS[4].replace("i=10000", "i=4000000000"),
            "2000000 rounds",
        ),
        (CORPUS[7].replace("$05$", "$31$"), "cost of 4 to 14"),
        ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/".into(), "PHC string"),
        ("5f4dcc3b5aa765d61d8327deb882cf99".into(), "PHC string"),
    ] {
        let refused = take_over(&acme, "dear@acme.example", &hash).await;
        assert!(
            refused
                .as_ref()
                .is_err_and(|status| status.message().contains(rule)),
            "{refused:?}"
        );
        let refusal = assert_refused!(refused, "FIELD_INVALID");
        assert_eq!(refusal.fields, ["password_hash"]);
    }
    suite.stop().await;
}
