//! B-7: whatever is called, and in whatever order, nobody gets a session without
//! the proofs that it says, and no reset makes a second factor unnecessary. What
//! decides that is walked over a hundred thousand times in identity, in
//! `logins/flow/walks.rs`; here the calls themselves are.

use std::{collections::BTreeMap, time::Duration};

use contract::authorization::RoleSet;
use contract::identity::{
    ConfirmTotpRequest, EnrolTotpRequest, LockoutPolicy, LoginRequest, MfaPolicy, NewSession,
    RequestPasswordResetRequest, ResetPasswordRequest, VerifyRecoveryCodeRequest,
    VerifyTotpRequest, confirm_totp_response, login_response,
    login_service_client::LoginServiceClient, verify_recovery_code_response, verify_totp_response,
};
use testkit::{Authenticator, Client};
use usher_tests::{Company, Suite, password, suite::MANY_ATTEMPTS, token_mailed_to};

use crate::lockout::policy::set_lockout;

/// How many walks there are under each policy: a few, or as many as `USHER_WALKS`
/// says.
#[expect(clippy::disallowed_methods, reason = "a run by hand asks for more")]
fn walks() -> u64 {
    let asked = std::env::var("USHER_WALKS").ok();
    asked.and_then(|walks| walks.parse().ok()).unwrap_or(25)
}

/// Calls in a walk.
const STEPS: usize = 16;

/// `SplitMix64`: the same walk for the same number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap_or_default()
    }

    fn coin(&mut self) -> bool {
        self.roll(2) == 1
    }
}

/// A login under way, and what is true of it.
struct Flow {
    token: String,
    /// Whether this walk's user proved their password in it.
    ours: bool,
    /// Whether it asked to trust the device of `from`.
    trust: bool,
    from: Option<usize>,
    /// The authenticator that is being enrolled.
    phone: Option<Authenticator>,
}

/// What is true, as the walker did it.
struct Walk<'a> {
    suite: &'a Suite,
    required: bool,
    logins: LoginServiceClient<Client>,
    username: String,
    password: String,
    phone: Option<Authenticator>,
    recovery_codes: Vec<String>,
    flows: Vec<Flow>,
    /// The tokens of devices, and whether each is trusted.
    devices: Vec<(String, bool)>,
    /// Secrets of other kinds, and of others.
    strange: Vec<String>,
    /// What somebody else has.
    other: Option<Authenticator>,
    /// Whether it goes on with the newest flow, as people do.
    straight: bool,
    seen: BTreeMap<&'static str, usize>,
    trace: Vec<String>,
}

/// How many half minutes the suite's clock is ahead of that of the phones.
struct Ahead(i64);

impl Walk<'_> {
    fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// A code that was not used before.
    fn code(&self, ahead: &mut Ahead, phone: &Authenticator) -> String {
        self.suite.time().advance(Duration::from_secs(30));
        ahead.0 += 1;
        phone.code(ahead.0)
    }

    /// A session was given: by this, with so many proofs that are true.
    fn given(&mut self, new: &NewSession, level: u32, by: &'static str) -> Option<usize> {
        let session = new.session.as_ref().expect("a session");
        assert_eq!(
            session.assurance_level, level,
            "{by} gave another level: {:?}",
            self.trace
        );
        self.saw(by);
        self.strange.push(new.session_token.clone());
        if new.device_token.is_empty() {
            return None;
        }
        self.devices.push((new.device_token.clone(), false));
        Some(self.devices.len() - 1)
    }

    async fn login(&mut self, dice: &mut Dice, right: bool) {
        let from = match dice.roll(self.devices.len() + 1) {
            0 => None,
            one => Some(one - 1),
        };
        self.login_from(dice, from, right).await;
    }

    async fn login_from(&mut self, dice: &mut Dice, from: Option<usize>, right: bool) {
        let device_token = match from {
            Some(one) => self.devices[one].0.clone(),
            None if dice.coin() => self.strange.last().cloned().unwrap_or_default(),
            None => String::new(),
        };
        let (enrol_totp, trust) = (dice.coin(), dice.coin());
        let ask = LoginRequest {
            tenant: "acme".into(),
            username: self.username.clone(),
            password: if right { &self.password } else { "not it" }.into(),
            enrol_totp,
            device_token,
            trust_device: trust,
            ..Default::default()
        };
        self.trace
            .push(format!("login {right} {from:?} {enrol_totp} {trust}"));
        let outcome = match self.logins.login(ask).await {
            Ok(reply) => reply.into_inner().outcome,
            Err(_) => return,
        };
        assert!(right, "a wrong password was right: {:?}", self.trace);
        match outcome {
            Some(login_response::Outcome::Session(new)) => {
                let trusted = from.is_some_and(|one| self.devices[one].1);
                let asked = self.phone.is_some() || self.required;
                assert!(!asked || trusted, "a password was enough: {:?}", self.trace);
                self.given(&new, 1, if trusted { "trusted" } else { "password" });
            }
            Some(login_response::Outcome::Flow(flow)) => self.flows.push(Flow {
                token: flow.flow_token,
                ours: true,
                trust,
                from,
                phone: None,
            }),
            None => panic!("no outcome"),
        }
    }

    /// A flow of this walk, or what is no flow at all; for a code also a flow of
    /// somebody else.
    fn pick(&mut self, dice: &mut Dice, others: bool) -> Option<(usize, String)> {
        if self.flows.is_empty() {
            return None;
        }
        if self.straight {
            let flow = self.flows.last().filter(|flow| flow.ours)?;
            return Some((self.flows.len() - 1, flow.token.clone()));
        }
        // The newest one most often: the others may be over.
        let at = match dice.roll(3) {
            0 => dice.roll(self.flows.len()),
            _ => self.flows.len() - 1,
        };
        let flow = &self.flows[at];
        match dice.roll(6) {
            0 => Some((usize::MAX, self.strange.first()?.clone())),
            _ => (others || flow.ours).then(|| (at, flow.token.clone())),
        }
    }

    async fn verify(&mut self, dice: &mut Dice, ahead: &mut Ahead, right: bool) {
        let Some((at, flow_token)) = self.pick(dice, true) else {
            return;
        };
        // In a flow of one's own somebody else's code is as wrong as any.
        let ours = self.flows.get(at).is_some_and(|flow| flow.ours);
        let code = match (&self.phone, &self.other) {
            (Some(phone), _) if right => self.code(ahead, phone),
            (_, Some(phone)) if ours && dice.coin() => self.code(ahead, phone),
            _ => format!("{:06}", dice.roll(1_000_000)),
        };
        self.trace.push(format!("verify {at} {right}"));
        let ask = VerifyTotpRequest { flow_token, code };
        // Now and then the same once more.
        for repeated in [false, true] {
            if repeated && dice.coin() {
                break;
            }
            let Ok(reply) = self.logins.verify_totp(ask.clone()).await else {
                break;
            };
            assert!(!repeated, "a code worked twice: {:?}", self.trace);
            assert!(right && self.phone.is_some(), "a guess: {:?}", self.trace);
            let Some(verify_totp_response::Outcome::Session(new)) = reply.into_inner().outcome
            else {
                panic!("a code was not enough: {:?}", self.trace);
            };
            self.proven(at, &new, "code");
        }
    }

    async fn recover(&mut self, dice: &mut Dice, right: bool) {
        let Some((at, flow_token)) = self.pick(dice, true) else {
            return;
        };
        let recovery_code = match self.recovery_codes.last() {
            Some(code) if right => code.clone(),
            _ => self.strange.last().cloned().unwrap_or_default(),
        };
        self.trace.push(format!("recover {at} {right}"));
        let ask = VerifyRecoveryCodeRequest {
            flow_token,
            recovery_code,
        };
        let Ok(reply) = self.logins.verify_recovery_code(ask).await else {
            return;
        };
        assert!(right && self.phone.is_some(), "a guess: {:?}", self.trace);
        let Some(verify_recovery_code_response::Outcome::Session(new)) = reply.into_inner().outcome
        else {
            panic!("a code was not enough: {:?}", self.trace);
        };
        self.strange.extend(self.recovery_codes.pop());
        self.proven(at, &new, "recovery code");
    }

    async fn enrol(&mut self, dice: &mut Dice) {
        let Some((at, flow_token)) = self.pick(dice, false) else {
            return;
        };
        self.trace.push(format!("enrol {at}"));
        let ask = EnrolTotpRequest { flow_token };
        if let Ok(reply) = self.logins.enrol_totp(ask).await {
            assert!(self.phone.is_none(), "a second one: {:?}", self.trace);
            let uri = reply.into_inner().otpauth_uri;
            self.flows[at].phone = Some(Authenticator::scan(&uri));
        }
    }

    async fn confirm(&mut self, dice: &mut Dice, ahead: &mut Ahead, right: bool) {
        let Some((at, flow_token)) = self.pick(dice, false) else {
            return;
        };
        let phone = self.flows.get(at).and_then(|flow| flow.phone.as_ref());
        let known = right && phone.is_some();
        let code = match phone {
            Some(phone) if right => self.code(ahead, phone),
            _ => format!("{:06}", dice.roll(1_000_000)),
        };
        self.trace.push(format!("confirm {at} {right}"));
        let ask = ConfirmTotpRequest { flow_token, code };
        let Ok(reply) = self.logins.confirm_totp(ask).await else {
            return;
        };
        assert!(known, "a guess: {:?}", self.trace);
        assert!(self.phone.is_none(), "a second one: {:?}", self.trace);
        let reply = reply.into_inner();
        self.recovery_codes.extend(reply.recovery_codes);
        let Some(confirm_totp_response::Outcome::Session(new)) = reply.outcome else {
            panic!("a first code was not enough: {:?}", self.trace);
        };
        self.phone = self.flows[at].phone.take();
        // Another factor ends all trust there was.
        self.devices.iter_mut().for_each(|device| device.1 = false);
        self.proven(at, &new, "first code");
    }

    /// A second factor was proven in a flow.
    fn proven(&mut self, at: usize, new: &NewSession, by: &'static str) {
        let flow = self.flows.get(at).expect("a flow of somebody");
        let (ours, trust, from) = (flow.ours, flow.trust, flow.from);
        assert!(ours, "a flow without the password: {:?}", self.trace);
        let added = self.given(new, 2, by);
        if let Some(device) = added.or(from)
            && trust
        {
            self.devices[device].1 = true;
        }
    }

    async fn reset(&mut self, dice: &mut Dice) {
        self.trace.push("reset".into());
        let ask = RequestPasswordResetRequest {
            tenant: "acme".into(),
            username: self.username.clone(),
        };
        if self.logins.request_password_reset(ask).await.is_err() {
            return;
        }
        let token = token_mailed_to(&self.suite.mails(), &self.username).await;
        let next = password();
        let ask = ResetPasswordRequest {
            token: token.clone(),
            password: next.clone(),
        };
        self.strange.push(token);
        // The last one's token may be the newest there is still.
        if self.logins.reset_password(ask).await.is_ok() {
            self.password = next;
            let trusted = self.devices.iter().rposition(|device| device.1);
            self.devices.iter_mut().for_each(|device| device.1 = false);
            self.saw("reset");
            if trusted.is_some() {
                self.saw("reset with trust");
                self.login_from(dice, trusted, true).await;
            }
        }
    }

    async fn step(&mut self, dice: &mut Dice, ahead: &mut Ahead) {
        match dice.roll(24) {
            0..=5 => self.login(dice, true).await,
            6 => self.login(dice, false).await,
            7..=13 => self.go_on(dice, ahead).await,
            14 => self.verify(dice, ahead, true).await,
            15 => self.verify(dice, ahead, false).await,
            16 => self.recover(dice, true).await,
            17 => self.recover(dice, false).await,
            18..=19 => self.enrol(dice).await,
            20..=21 => self.confirm(dice, ahead, true).await,
            22 => self.confirm(dice, ahead, false).await,
            _ => self.reset(dice).await,
        }
    }

    /// The next step of the newest flow, or two.
    async fn go_on(&mut self, dice: &mut Dice, ahead: &mut Ahead) {
        self.straight = true;
        if self.phone.is_none() {
            self.enrol(dice).await;
            self.confirm(dice, ahead, true).await;
        } else if dice.roll(4) == 0 {
            self.recover(dice, true).await;
        } else {
            self.verify(dice, ahead, true).await;
        }
        self.straight = false;
    }
}

/// What is left of the walk before.
#[derive(Default)]
struct Left {
    strange: Vec<String>,
    flow: Option<String>,
    phone: Option<Authenticator>,
}

async fn walk(
    suite: &Suite,
    acme: &Company,
    (number, required): (u64, bool),
    ahead: &mut Ahead,
    left: &mut Left,
) -> BTreeMap<&'static str, usize> {
    let (username, password) = (format!("walker{number}@acme.example"), password());
    acme.user(&username, &password).await;
    let mut dice = Dice(number);
    let others = left.flow.take().map(|token| Flow {
        token,
        ours: false,
        trust: false,
        from: None,
        phone: None,
    });
    let mut walk = Walk {
        suite,
        required,
        logins: LoginServiceClient::new(suite.anyone()),
        username,
        password,
        phone: None,
        recovery_codes: Vec::new(),
        flows: others.into_iter().collect(),
        devices: Vec::new(),
        strange: std::mem::take(&mut left.strange),
        other: left.phone.take(),
        straight: false,
        seen: BTreeMap::new(),
        trace: vec![format!("walk {number}")],
    };
    for _ in 0..STEPS {
        walk.step(&mut dice, ahead).await;
    }
    left.strange = walk.strange.split_off(walk.strange.len().saturating_sub(3));
    left.flow = walk.flows.pop().map(|flow| flow.token);
    left.phone = walk.phone.or(walk.other);
    walk.seen
}

#[tokio::test]
async fn b_07_random_walks_give_no_session_without_its_proofs() {
    for policy in [MfaPolicy::Optional, MfaPolicy::Required] {
        let suite = Suite::start_with(&MANY_ATTEMPTS).await;
        let acme = suite.company_with("acme", RoleSet::Standard, policy).await;
        let many = LockoutPolicy {
            max_attempts: 100,
            max_attempts_per_address: 10_000,
            ..Default::default()
        };
        set_lockout(&acme, many, &["max_attempts", "max_attempts_per_address"]).await;
        let (mut ahead, mut left, mut seen) = (Ahead(0), Left::default(), BTreeMap::new());
        for number in 0..walks() {
            let which = (number, policy == MfaPolicy::Required);
            let new = walk(&suite, &acme, which, &mut ahead, &mut left).await;
            for (what, times) in new {
                *seen.entry(what).or_insert(0) += times;
            }
        }
        // The control: the walks do get somewhere.
        for what in [
            "code",
            "first code",
            "recovery code",
            "trusted",
            "reset with trust",
        ] {
            assert!(
                seen.contains_key(what),
                "no walk came to: {what} ({seen:?})"
            );
        }
        suite.stop().await;
    }
}
