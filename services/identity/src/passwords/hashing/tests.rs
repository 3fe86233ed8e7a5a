use super::*;
use crate::passwords::kept::FOREIGN;

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

/// A machine that stood still once goes on when it moves again: a mean beyond
/// all patience is measured again.
#[tokio::test]
async fn b_71_a_stall_does_not_shut_the_door_for_ever() {
    let hashing = hashing(2, Duration::from_millis(500));
    hashing.load.own.mean.store(10_000_000, Relaxed);
    let places: Vec<_> = (0..100).map_while(|_| hashing.place().ok()).collect();
    assert_eq!(places.len(), 2, "as many as there are threads");
    drop(places);
    for _ in 0..100 {
        let place = hashing.place().expect("a thread is free");
        hashing.hash_as_is(&place, "x").await.expect("it hashes");
    }
    let places: Vec<_> = (0..8).map_while(|_| hashing.place().ok()).collect();
    assert_eq!(places.len(), 8, "the mean has recovered");
}

#[tokio::test]
async fn no_tenant_has_more_than_half_of_the_places() {
    let hashing = hashing(1, Duration::from_millis(400));
    let (one, other) = ("one", "other");
    let place = |tenant| {
        let place = hashing.place().ok()?;
        place.of(&tenant).is_ok().then_some(place)
    };
    let taken: Vec<_> = (0..100).map_while(|_| place(one)).collect();
    assert_eq!(taken.len(), 10);
    let refusal = hashing.place().and_then(|place| place.of(&one)).err();
    assert!(refusal.is_some_and(|refusal| refusal.is(ErrorReason::TooManyLogins)));
    assert!(place(other).is_some());
    drop(taken);
    assert!(
        place(one).is_some(),
        "what was given back can be taken again"
    );
}

/// P-09: whoever brings hashes as dear as may be slows down those who have them,
/// and nobody else.
#[tokio::test]
async fn p_09_dear_hashes_of_others_leave_ours_their_threads() {
    let dear = Kept {
        hash: "$pbkdf2-sha256$i=2000000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$VqOEAUrTaAjMD6sh91JvmGtbD+YNGnXNMbfIDxgj094".into(),
        key_version: FOREIGN,
    };
    for threads in [1, 2] {
        let hashing = Arc::new(hashing(threads, Duration::from_mins(1)));
        let place = hashing.place().expect("nobody waits");
        let kept = hashing.hash_as_is(&place, "a password").await;
        let kept = kept.expect("it hashes");
        let hammering: Vec<_> = (0..10)
            .map(|_| {
                let (hashing, dear) = (hashing.clone(), dear.clone());
                tokio::spawn(async move {
                    let place = hashing.place()?;
                    hashing.verify(&place, "guessed", Some(&dear)).await
                })
            })
            .collect();
        while hashing.load.foreign.waiting.load(Relaxed) < 10 {
            tokio::task::yield_now().await;
        }
        let mean = hashing.load.own.mean.load(Relaxed);
        for _ in 0..3 {
            let right = hashing.verify(&place, "a password", Some(&kept)).await;
            assert!(right.expect("it checks"));
        }
        let waiting = hashing.load.foreign.waiting.load(Relaxed);
        assert!(
            waiting >= 6,
            "{threads} threads: three of ours came after {waiting} of theirs"
        );
        hammering.iter().for_each(tokio::task::JoinHandle::abort);
        drop(hammering);
        assert!(hashing.load.own.mean.load(Relaxed) < 4 * mean.max(FIRST_GUESS));
    }
}
