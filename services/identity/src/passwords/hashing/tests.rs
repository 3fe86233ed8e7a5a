use super::*;

fn hashing(threads: usize, patience: Duration) -> Hashing {
    Hashing::start(threads, patience, Keys::new(&[7; 32]), 1).expect("it starts")
}

#[tokio::test]
async fn a_password_is_known_again_and_no_other() {
    let hashing = hashing(1, Duration::from_mins(1));
    let place = hashing.place().expect("nobody waits");
    let kept = hashing
        .hash_as_is(&place, "correct horse battery staple")
        .await
        .expect("it hashes");
    assert!(
        kept.hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{kept:?}"
    );
    let verify = async |password: &str| {
        hashing
            .verify(&place, password, Some(&kept))
            .await
            .expect("it checks")
    };
    assert!(verify("correct horse battery staple").await);
    assert!(!verify("correct horse battery stapl").await);
    assert!(!verify("Correct horse battery staple").await);
    assert!(
        !hashing
            .verify(&place, "correct horse battery staple", None)
            .await
            .expect("it checks")
    );
}

#[tokio::test]
async fn b_06_under_an_earlier_key_a_password_is_known_and_not_current() {
    let start = |version| {
        let patience = Duration::from_mins(1);
        Hashing::start(1, patience, Keys::new(&[7; 32]), version).expect("it starts")
    };
    let (before, now) = (start(1), start(2));
    let (first, place) = (before.place().expect("room"), now.place().expect("room"));
    let kept = before
        .hash_as_is(&first, "a password")
        .await
        .expect("it hashes");
    assert!(before.is_current(&kept) && !now.is_current(&kept));
    assert!(
        now.verify(&place, "a password", Some(&kept))
            .await
            .expect("it checks")
    );
    let kept = now
        .hash_as_is(&place, "a password")
        .await
        .expect("it hashes");
    assert!(now.is_current(&kept));
}

#[tokio::test]
async fn who_would_wait_too_long_is_refused_at_once() {
    let hashing = hashing(1, Duration::from_millis(200));
    let places: Vec<_> = (0..100).map_while(|_| hashing.place().ok()).collect();
    assert!(
        (5..=20).contains(&places.len()),
        "{} places in 200 ms",
        places.len()
    );
    let refusal = hashing.place().err().expect("the queue is full");
    assert!(refusal.is(ErrorReason::TooManyLogins));
    drop(places);
    assert!(hashing.place().is_ok());
}
