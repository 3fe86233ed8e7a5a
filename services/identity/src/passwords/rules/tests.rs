use proptest::prelude::*;

use super::*;

fn ada() -> Names {
    Names::of("Ada", "Lovelace", "", "ada.lovelace@example.org").expect("they are names")
}

fn policy(mfa: bool) -> db::policies::Row {
    db::policies::Row {
        password_min_length: 8,
        password_min_strength: 2,
        password_history_length: 0,
        password_breached_allowed: false,
        password_max_age: 0,
        password_generated_length: 16,
        lockout_max_attempts: 10,
        lockout_window: 900,
        lockout_duration: 900,
        lockout_max_attempts_per_address: 100,
        mfa_policy: if mfa { "REQUIRED" } else { "OPTIONAL" }.into(),
        factor_required_role_ids: Vec::new(),
        factor_sms_allowed: false,
        factor_device_trust_duration: 0,
        session_idle_timeout: 900,
        session_max_lifetime: 900,
        update_time: chrono::DateTime::UNIX_EPOCH,
        version: 1,
    }
}

fn refused_by(policy: &db::policies::Row, password: &str) -> bool {
    let terms = Terms::of(&Arc::default(), policy, "analytical", &ada());
    let result = terms.check(password);
    if let Err(error) = &result {
        assert!(error.is(ErrorReason::PasswordRefused));
    }
    result.is_err()
}

fn refused(password: &str, mfa: bool) -> bool {
    refused_by(&policy(mfa), password)
}

#[test]
fn p_05_a_policy_asks_for_more_and_never_for_less() {
    let longer = db::policies::Row {
        password_min_length: 20,
        ..policy(true)
    };
    assert!(refused_by(&longer, "kx9#mQ2vTz!p4wLn7&c"));
    assert!(!refused_by(&longer, "kx9#mQ2vTz!p4wLn7&cR"));
    let stronger = |password_min_strength| db::policies::Row {
        password_min_strength,
        ..policy(true)
    };
    assert!(!refused_by(&stronger(2), "blue47guitar"));
    assert!(refused_by(&stronger(4), "blue47guitar"));
    // Zero asks for no strength, and the rest stays.
    assert!(refused_by(&stronger(0), "password"));
    assert!(refused_by(&stronger(0), "kx9#mQ2"));
}

#[test]
fn length_is_counted_in_characters() {
    assert!(refused("kx9#mQ2vTz!p4w", false));
    assert!(!refused("kx9#mQ2vTz!p4wL", false));
    assert!(!refused("kx9#mQ2v", true));
    assert!(refused("kx9#mQ2", true));
    assert!(!refused("\u{fc}\u{f6}\u{e4}\u{df}kQ2v", true));
    assert!(refused("\u{fc}\u{f6}\u{e4}\u{df}", true));
}

#[test]
fn what_everybody_tries_is_refused() {
    for bad in [
        "password",
        "Password2024!!",
        "passwordpassword",
        "PASSWORD12345678",
        "administrator1234",
        "qwertyuiopasdfgh",
        "iloveyou",
        "letmein!letmein",
        "1q2w3e4r5t",
        "12345678",
        "aaaaaaaaaaaaaaaa",
        "abcdefghijklmnop",
        "987654321098765",
        "abababababababab",
    ] {
        assert!(refused(bad, true), "{bad}");
    }
}

#[test]
fn ones_own_names_are_refused() {
    for bad in [
        "lovelace1815",
        "adalovelace",
        "ada.lovelace@example.org",
        "lovelacelovelace",
        "analytical!!",
    ] {
        assert!(refused(bad, true), "{bad}");
    }
}

#[test]
fn long_phrases_are_welcome() {
    assert!(!refused("correct horse battery staple", false));
    assert!(!refused(&"the difference engine ".repeat(40), false));
    assert!(refused(&"the difference engine ".repeat(50), false));
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(password in "\\PC{0,300}", mfa: bool) {
        let short = password.nfc().count() < if mfa { 8 } else { 15 };
        prop_assert!(!short || refused(&password, mfa));
    }
}
