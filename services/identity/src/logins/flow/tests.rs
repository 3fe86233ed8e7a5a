use super::*;

/// Everything that can be true of a flow.
fn states() -> impl Iterator<Item = State> {
    (0..3 * 256_u32).map(|n| {
        let is = |bit: u32| (n / 3) & (1 << bit) != 0;
        let policy = [MfaPolicy::Off, MfaPolicy::Optional, MfaPolicy::Required][n as usize % 3];
        State {
            factors: Standing {
                policy,
                required: policy == MfaPolicy::Required || policy == MfaPolicy::Optional && is(0),
                sms_allowed: is(1),
                totp: is(2),
                sms: is(3),
                recovery_codes: u32::from(is(4)),
            },
            proven: is(5),
            enrol_totp: is(6),
            device_trusted: is(7),
            password_due: false,
        }
    })
}

#[test]
fn no_session_without_the_proofs_that_are_asked() {
    for state in states() {
        let has = &state.factors;
        let usable = has.totp || has.sms;
        let asked =
            has.required || has.policy == MfaPolicy::Optional && (usable || state.enrol_totp);
        let steps = next(&state);
        assert_eq!(
            steps.is_empty(),
            state.proven || !asked || state.device_trusted && usable,
            "{state:?}: {steps:?}"
        );
    }
}

/// The change comes last, and always.
#[test]
fn p_05_no_session_on_a_password_that_must_be_changed() {
    for state in states() {
        let steps = next(&state);
        let due = next(&State {
            password_due: true,
            ..state
        });
        let expected = match steps.as_slice() {
            [] => vec![LoginStep::ChangePassword],
            _ => steps,
        };
        assert_eq!(due, expected, "{state:?}");
    }
}

#[test]
fn who_has_a_factor_proves_it_and_enrols_none() {
    for state in states() {
        let (has, steps) = (&state.factors, next(&state));
        let enrols = steps.contains(&LoginStep::EnrolTotp) || steps.contains(&LoginStep::EnrolSms);
        assert!(!enrols || !has.is_usable(), "{state:?}: {steps:?}");
        for (step, may) in [
            (LoginStep::VerifyTotp, has.totp),
            (
                LoginStep::SendSmsCode,
                has.sms && (has.sms_allowed || !has.totp),
            ),
            (
                LoginStep::VerifyRecoveryCode,
                has.recovery_codes > 0 && has.is_usable(),
            ),
            (LoginStep::EnrolSms, has.sms_allowed),
        ] {
            assert!(may || !steps.contains(&step), "{state:?}: {steps:?}");
        }
    }
}
