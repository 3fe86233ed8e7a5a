//! Hashes and seals.

use store::Keys;

#[test]
fn what_was_sealed_opens_for_the_same_purpose_and_context_alone() {
    let keys = Keys::new(&[1; 32]);
    let sealed = keys.seal("totp", b"tenant/user", b"a secret");
    assert_eq!(
        **keys.open("totp", b"tenant/user", &sealed).expect("opens"),
        *b"a secret"
    );
    assert!(keys.open("totp", b"tenant/other", &sealed).is_err());
    assert!(keys.open("other", b"tenant/user", &sealed).is_err());
    assert!(
        Keys::new(&[2; 32])
            .open("totp", b"tenant/user", &sealed)
            .is_err()
    );
    assert!(
        keys.open("totp", b"tenant/user", &sealed[..sealed.len() - 1])
            .is_err()
    );
    assert!(keys.open("totp", b"tenant/user", b"").is_err());
}

#[test]
fn sealing_twice_gives_two_texts() {
    let keys = Keys::new(&[1; 32]);
    assert_ne!(keys.seal("p", b"", b"same"), keys.seal("p", b"", b"same"));
}

#[test]
fn a_hash_depends_on_secret_purpose_and_data() {
    let keys = Keys::new(&[1; 32]);
    let hash = keys.keyed_hash("session", b"token");
    assert_eq!(hash, Keys::new(&[1; 32]).keyed_hash("session", b"token"));
    assert_ne!(hash, Keys::new(&[2; 32]).keyed_hash("session", b"token"));
    assert_ne!(hash, keys.keyed_hash("invitation", b"token"));
    assert_ne!(hash, keys.keyed_hash("session", b"tokem"));
}

#[test]
fn a_token_is_43_characters_and_never_the_same() {
    let tokens: std::collections::HashSet<String> = (0..1000).map(|_| Keys::token()).collect();
    assert_eq!(tokens.len(), 1000);
    assert!(tokens.iter().all(|token| token.len() == 43));
}

#[test]
fn keys_do_not_show_themselves() {
    assert_eq!(format!("{:?}", Keys::new(&[1; 32])), "Keys(..)");
}
