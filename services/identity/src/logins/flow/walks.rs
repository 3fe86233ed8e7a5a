//! B-7: whatever is called, and in whatever order, there is no session without
//! the proofs that it says, and no reset makes a second factor unnecessary.
//!
//! The walker plays the calls on tables of its own, and decides as the service
//! does: by [`Flow::state`], [`expect`], [`next`] and [`least_level`]. Whether a
//! session was deserved it says by itself. `PROPTEST_CASES=1000000` walks further.
//! That a code is worth something to its user and its login alone is up to the
//! calls: `tests/journeys/walks.rs` walks over those.

use std::collections::BTreeSet;

use chrono::DateTime;
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use uuid::Uuid;

use super::*;

/// What tenants ask for, and whether of a user by their role.
const POLICIES: [(&str, bool); 4] = [
    ("OFF", false),
    ("OPTIONAL", false),
    ("OPTIONAL", true),
    ("REQUIRED", true),
];
const PEOPLE: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Factor {
    Totp,
    Sms,
    RecoveryCode,
}
use Factor::{RecoveryCode, Sms, Totp};

/// A call. Flows and devices are counted from the newest one on, of whomever.
#[derive(Clone, Copy, Debug)]
enum Call {
    Login {
        who: usize,
        right: bool,
        device: usize,
        enrol_totp: bool,
        trust: bool,
    },
    SendCode {
        flow: usize,
    },
    Verify {
        flow: usize,
        factor: Factor,
        right: bool,
    },
    Enrol {
        flow: usize,
        factor: Factor,
    },
    Confirm {
        flow: usize,
        factor: Factor,
        right: bool,
    },
    ResetPassword(usize),
    /// The password is too old from now on.
    Expire(usize),
    ChangePassword {
        flow: usize,
    },
    ResetFactors(usize),
    SetPolicy {
        policy: usize,
        sms_allowed: bool,
    },
    /// Logins under way and trust are over.
    Later,
    /// What one who is entitled to it does next, by one of the steps offered.
    GoOn {
        flow: usize,
        step: usize,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let second = || prop_oneof![Just(Totp), Just(Sms), Just(RecoveryCode)];
    let first = || prop_oneof![Just(Totp), Just(Sms)];
    // Mostly the one that is under way.
    let recent = || prop_oneof![4 => Just(0), 1 => 0..4_usize];
    let mostly = prop::bool::weighted;
    prop_oneof![
        6 => (0..PEOPLE, mostly(0.9), recent(), mostly(0.3), any::<bool>()).prop_map(
            |(who, right, device, enrol_totp, trust)| Call::Login { who, right, device, enrol_totp, trust }
        ),
        6 => (recent(), 0..3_usize).prop_map(|(flow, step)| Call::GoOn { flow, step }),
        1 => recent().prop_map(|flow| Call::SendCode { flow }),
        4 => (recent(), second(), mostly(0.8)).prop_map(
            |(flow, factor, right)| Call::Verify { flow, factor, right }
        ),
        2 => (recent(), first()).prop_map(|(flow, factor)| Call::Enrol { flow, factor }),
        2 => (recent(), first(), mostly(0.8)).prop_map(
            |(flow, factor, right)| Call::Confirm { flow, factor, right }
        ),
        1 => (0..PEOPLE).prop_map(Call::ResetPassword),
        1 => (0..PEOPLE).prop_map(Call::ResetFactors),
        1 => (0..PEOPLE).prop_map(Call::Expire),
        1 => recent().prop_map(|flow| Call::ChangePassword { flow }),
        1 => (0..POLICIES.len(), mostly(0.7)).prop_map(
            |(policy, sms_allowed)| Call::SetPolicy { policy, sms_allowed }
        ),
        1 => Just(Call::Later),
    ]
}

/// A person's rows.
#[derive(Default)]
struct Person {
    factors: BTreeSet<Factor>,
    recovery_codes: i32,
    password_due: bool,
}

/// A login's rows.
#[expect(clippy::struct_excessive_bools, reason = "the columns of a table")]
struct Login {
    who: usize,
    over: bool,
    device: Option<usize>,
    enrol_totp: bool,
    trust: bool,
    /// What is being enrolled in it.
    enrolling: BTreeSet<Factor>,
    /// Whether a code was sent for it, and not used.
    sent: bool,
    proofs: Vec<&'static str>,
}

struct Device {
    who: usize,
    trusted: bool,
}

struct World {
    policy: usize,
    sms_allowed: bool,
    people: [Person; PEOPLE],
    logins: Vec<Login>,
    devices: Vec<Device>,
    /// The last proof of each session, and whether its device was known, and trusted.
    sessions: BTreeSet<(&'static str, bool, bool)>,
}

/// The place of the one that is so far from the newest.
fn newest<T>(all: &[T], back: usize) -> Option<usize> {
    all.len().checked_sub(back + 1)
}

impl World {
    fn new() -> World {
        World {
            policy: 1,
            sms_allowed: true,
            people: Default::default(),
            logins: Vec::new(),
            devices: Vec::new(),
            sessions: BTreeSet::new(),
        }
    }

    /// What Postgres says of a login; `None` where it is over.
    fn read(&self, at: usize) -> Option<Flow> {
        let login = self.logins.get(at).filter(|login| !login.over)?;
        let person = &self.people[login.who];
        Some(Flow {
            id: Id::from_uuid(Uuid::nil()),
            tenant_id: Id::from_uuid(Uuid::nil()),
            user_id: Id::from_uuid(Uuid::nil()),
            expire_time: DateTime::UNIX_EPOCH,
            enrol_totp: login.enrol_totp,
            totp_secret: None,
            username: String::new(),
            tenant_display_name: String::new(),
            mfa_policy: POLICIES[self.policy].0.into(),
            required: POLICIES[self.policy].1,
            sms_allowed: self.sms_allowed,
            totp_enrolled: person.factors.contains(&Totp),
            sms_enrolled: person.factors.contains(&Sms),
            recovery_codes_left: person.recovery_codes,
            device_id: login.device.map(|_| Id::from_uuid(Uuid::nil())),
            device_trusted: login.device.is_some_and(|at| self.devices[at].trusted),
            device_name: String::new(),
            trust_device: login.trust,
            proofs: login.proofs.iter().map(ToString::to_string).collect(),
            password_due: person.password_due,
        })
    }

    /// The login that a call names, if that wants this step.
    fn find(&self, back: usize, step: LoginStep) -> Option<usize> {
        let at = newest(&self.logins, back)?;
        expect(&self.read(at)?, step).ok().map(|()| at)
    }

    /// Whether a user has what they could prove.
    fn usable(&self, who: usize) -> bool {
        let factors = &self.people[who].factors;
        factors.contains(&Totp) || factors.contains(&Sms)
    }

    /// Ends the logins of a user but one, and all trust: a factor or the password
    /// is another.
    fn changed(&mut self, who: usize, but: Option<usize>) {
        for (at, login) in self.logins.iter_mut().enumerate() {
            login.over |= login.who == who && Some(at) != but;
        }
        let theirs = self.devices.iter_mut().filter(|device| device.who == who);
        theirs.for_each(|device| device.trusted = false);
    }

    /// As the service does. A session is made here, and nowhere else.
    fn advance(&mut self, at: usize) {
        let Some(state) = self.read(at).map(|flow| flow.state()) else {
            return;
        };
        if !next(&state).is_empty() {
            return;
        }
        self.check(at, least_level(&state));
        let login = &mut self.logins[at];
        login.over = true;
        let (who, trust) = (login.who, login.trust && login.proofs.len() > 1);
        let device = login.device.unwrap_or_else(|| {
            let trusted = false;
            self.devices.push(Device { who, trusted });
            self.devices.len() - 1
        });
        self.devices[device].trusted |= trust;
    }

    /// Holds a session against what the policy asks.
    fn check(&mut self, at: usize, least_level: i16) {
        let login = &self.logins[at];
        let usable = self.usable(login.who);
        let asked = match POLICIES[self.policy] {
            (_, true) => true,
            ("OPTIONAL", _) => usable,
            _ => false,
        };
        let trusted = login.device.is_some_and(|at| self.devices[at].trusted);
        let least = if asked && !(trusted && usable) { 2 } else { 1 };
        assert!(login.proofs.len() >= least, "a password was enough");
        let due = self.people[login.who].password_due;
        assert!(!due, "a session on a password that must be changed");
        assert_eq!(usize::try_from(least_level), Ok(least), "the second guard");
        let by = *login.proofs.last().expect("a proof");
        self.sessions.insert((by, login.device.is_some(), trusted));
    }

    fn prove(&mut self, at: usize, proof: &'static str) {
        self.logins[at].proofs.push(proof);
        self.advance(at);
    }

    /// `None` where the service refuses.
    fn call(&mut self, call: Call) -> Option<()> {
        match call {
            Call::Login { right: false, .. } => return None,
            Call::Login {
                who,
                device,
                enrol_totp,
                trust,
                ..
            } => {
                let device = newest(&self.devices, device);
                self.logins.push(Login {
                    who,
                    over: false,
                    // Known is who logged in from it before.
                    device: device.filter(|&at| self.devices[at].who == who),
                    enrol_totp,
                    trust,
                    enrolling: BTreeSet::new(),
                    sent: false,
                    proofs: vec![PASSWORD],
                });
                self.advance(self.logins.len() - 1);
            }
            Call::SendCode { flow } => {
                let at = self.find(flow, LoginStep::SendSmsCode)?;
                self.logins[at].sent = true;
            }
            Call::Verify {
                flow,
                factor,
                right,
            } => self.verify(flow, factor, right)?,
            Call::Enrol { flow, factor } => {
                let at = self.find(flow, enrols(factor))?;
                self.logins[at].enrolling.insert(factor);
            }
            Call::Confirm {
                flow,
                factor,
                right,
            } => self.confirm(flow, factor, right)?,
            Call::ResetPassword(who) => {
                self.people[who].password_due = false;
                self.changed(who, None);
            }
            Call::Expire(who) => self.people[who].password_due = true,
            Call::ChangePassword { flow } => self.change_password(flow)?,
            Call::ResetFactors(who) => {
                self.people[who].factors.clear();
                self.people[who].recovery_codes = 0;
                self.changed(who, None);
            }
            Call::SetPolicy {
                policy,
                sms_allowed,
            } => {
                (self.policy, self.sms_allowed) = (policy, sms_allowed);
            }
            Call::GoOn { flow, step } => self.go_on(flow, step)?,
            Call::Later => (0..PEOPLE).for_each(|who| self.changed(who, None)),
        }
        Some(())
    }

    fn go_on(&mut self, flow: usize, step: usize) -> Option<()> {
        let at = newest(&self.logins, flow)?;
        let (steps, right) = (next(&self.read(at)?.state()), true);
        match steps.get(step % steps.len().max(1))? {
            LoginStep::EnrolTotp => {
                self.logins[at].enrolling.insert(Totp);
                self.confirm(flow, Totp, right)
            }
            LoginStep::EnrolSms => {
                self.logins[at].enrolling.insert(Sms);
                self.confirm(flow, Sms, right)
            }
            LoginStep::SendSmsCode => {
                self.logins[at].sent = true;
                self.verify(flow, Sms, right)
            }
            LoginStep::VerifyTotp => self.verify(flow, Totp, right),
            LoginStep::ChangePassword => self.change_password(flow),
            _ => self.verify(flow, RecoveryCode, right),
        }
    }

    fn verify(&mut self, flow: usize, factor: Factor, right: bool) -> Option<()> {
        let (step, proof) = match factor {
            Totp => (LoginStep::VerifyTotp, "TOTP"),
            Sms => (LoginStep::SendSmsCode, "SMS"),
            RecoveryCode => (LoginStep::VerifyRecoveryCode, "RECOVERY_CODE"),
        };
        let at = self.find(flow, step).filter(|_| right)?;
        let (login, codes) = (&mut self.logins[at], &mut self.people);
        match factor {
            Totp => {}
            Sms if login.sent => login.sent = false,
            Sms => return None,
            RecoveryCode => codes[login.who].recovery_codes -= 1,
        }
        self.prove(at, proof);
        Some(())
    }

    fn change_password(&mut self, flow: usize) -> Option<()> {
        let at = self.find(flow, LoginStep::ChangePassword)?;
        let who = self.logins[at].who;
        self.people[who].password_due = false;
        self.changed(who, Some(at));
        self.advance(at);
        Some(())
    }

    fn confirm(&mut self, flow: usize, factor: Factor, right: bool) -> Option<()> {
        let at = self.find(flow, enrols(factor)).filter(|_| right)?;
        if !self.logins[at].enrolling.remove(&factor) {
            return None;
        }
        let who = self.logins[at].who;
        // Else whoever has the password has a second factor too.
        assert!(!self.usable(who), "enrolled beside another: {factor:?}");
        self.people[who].factors.insert(factor);
        self.people[who].recovery_codes = 10;
        self.changed(who, Some(at));
        self.prove(at, if factor == Totp { "TOTP" } else { "SMS" });
        Some(())
    }
}

fn enrols(factor: Factor) -> LoginStep {
    match factor {
        Totp => LoginStep::EnrolTotp,
        Sms | RecoveryCode => LoginStep::EnrolSms,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn b_07_random_walks_give_no_session_without_its_proofs(
        calls in prop::collection::vec(call(), 1..16),
    ) {
        let mut world = World::new();
        for call in calls {
            world.call(call);
        }
    }
}

/// The control: the walks come to sessions by every proof, from new devices and
/// known ones, and by trust.
#[test]
fn b_07_walks_come_everywhere() {
    let mut seen = BTreeSet::new();
    let mut runner = TestRunner::deterministic();
    let walk = prop::collection::vec(call(), 1..16);
    for _ in 0..5_000 {
        let mut world = World::new();
        for call in walk.new_tree(&mut runner).expect("a walk").current() {
            world.call(call);
        }
        seen.extend(world.sessions);
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}
