use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "correct horse battery staple";

/// One of each, made by others: libargon2, OpenSSL and libxcrypt.
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

fn same(hash: &str, password: &str) -> bool {
    let foreign: Foreign = hash.parse().expect("a hash");
    foreign.same(password).expect("it is checked")
}

/// The rule that a hash breaks.
fn rule(hash: &str) -> String {
    hash.parse::<Foreign>()
        .err()
        .unwrap_or_else(|| panic!("{hash} was taken"))
}

#[test]
fn p_09_hashes_of_others_know_their_password_and_no_other() {
    for hash in CORPUS {
        assert!(same(hash, PASSWORD), "{hash}");
        for other in [
            "",
            "correct horse battery stapl",
            "Correct horse battery staple",
        ] {
            assert!(!same(hash, other), "{hash} took {other:?}");
        }
    }
}

/// Of 72 letters, of 80, and of 71: the first two are one to bcrypt.
#[test]
fn b_05_what_bcrypt_cuts_off_is_not_taken_for_right() {
    let cut = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
    for length in [71, 72, 73, 80] {
        assert!(!same(cut, &"x".repeat(length)), "{length} bytes");
    }
    let whole = "$2b$04$abcdefghijklmnopqrstuu.gc7UY/21CSNJGJg21jJzx9QiOpJ9bO";
    assert!(same(whole, &"x".repeat(71)));
    // To bcrypt a password is repeated with the zero that ends it.
    assert!(!same(whole, &format!("{0}\0{0}", "x".repeat(35))));
}

#[test]
fn p_09_what_would_cost_too_much_is_refused_by_its_cap() {
    let tail = "MDEyMzQ1Njc4OWFiY2RlZg$tjK03tRvEjqCcPwmgtddMkgjlXrk8U/b9rIvfeBMKCc";
    for (dear, cap) in [
        ("$argon2id$v=19$m=65537,t=1,p=1$", "64 MiB"),
        ("$argon2id$v=19$m=4294967295,t=4294967295,p=1$", "64 MiB"),
        ("$argon2id$v=19$m=65536,t=9,p=1$", "512 MiB"),
        ("$argon2id$v=19$m=65536,t=1,p=17$", "16 lanes"),
        ("$scrypt$ln=17,r=8,p=1$", "64 MiB"),
        ("$scrypt$ln=30,r=32,p=1$", "64 MiB"),
        ("$scrypt$ln=1,r=1024,p=1024$", "16 lanes"),
        ("$scrypt$ln=1,r=1024,p=1$", "r of 32"),
        ("$scrypt$ln=16,r=8,p=16$", "64 MiB"),
        ("$scrypt$ln=15,r=8,p=9$", "512 MiB"),
        ("$pbkdf2-sha256$i=2000001$", "2000000 rounds"),
        ("$pbkdf2-sha256$i=4294967295$", "2000000 rounds"),
    ] {
        let broken = rule(&format!("{dear}{tail}"));
        assert!(broken.contains(cap), "{dear}: {broken}");
    }
    let dear = CORPUS[7].replace("$05$", "$15$");
    assert!(rule(&dear).contains("cost of 4 to 14"));
}

#[test]
fn what_is_not_known_by_heart_is_refused() {
    let tail = "MDEyMzQ1Njc4OWFiY2RlZg$tjK03tRvEjqCcPwmgtddMkgjlXrk8U/b9rIvfeBMKCc";
    for head in [
        "$argon2id$v=19$t=2,m=4096,p=1$",
        "$argon2id$v=19$m=4096,t=2$",
        "$argon2id$v=19$m=4096,m=8,t=2,p=1$",
        "$argon2id$v=19$m=4096,t=2,p=1,keyid=8PDw8A$",
        "$argon2id$v=18$m=4096,t=2,p=1$",
        "$argon2id$v=19$m=04096,t=2,p=1$",
        "$argon2id$v=19$m=1,t=2,p=1$",
        "$argon2id$v=19$m=4096,t=0,p=1$",
        "$argon2x$v=19$m=4096,t=2,p=1$",
        "$scrypt$ln=0,r=8,p=1$",
        "$scrypt$ln=14,r=0,p=1$",
        "$scrypt$ln=14,r=8,p=0$",
        "$scrypt$ln=14,r=4294967295,p=4294967295$",
        "$pbkdf2-sha256$i=0$",
        "$pbkdf2-sha256$i=10000,l=64$",
        "$pbkdf2-sha1$i=10000$",
        "$6$rounds=5000$",
    ] {
        rule(&format!("{head}{tail}"));
    }
    for whole in [
        "",
        "$",
        "password",
        "$argon2id$v=19$m=4096,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m=4096,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$tjK03tRvEjqCcPwm",
        "$2x$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
        "$2b$5$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuSx",
        "$2b$+5$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
        "$2b$03$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
        "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/Zsu",
        "$2\u{e4}$05$",
    ] {
        rule(whole);
    }
}

/// A hash of the corpus with some of its bytes changed, left out or doubled.
fn mutant() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..3u8, any::<u8>());
    (0..CORPUS.len(), prop::collection::vec(change, 1..6)).prop_map(|(which, changes)| {
        let mut bytes = CORPUS[which].as_bytes().to_vec();
        for (at, how, byte) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A hash of scrypt with any parameters.
fn scrypt() -> impl Strategy<Value = String> {
    (0..32_u32, 0..2048_u32, 0..2048_u32).prop_map(|(log, block, lanes)| {
        let parameters = format!("ln={log},r={block},p={lanes}");
        CORPUS[3].replace("ln=14,r=8,p=1", &parameters)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    /// The parser takes any text without a panic, and takes nothing in that
    /// costs more than the caps say.
    #[test]
    fn fuzz_any_text_is_parsed_or_refused(text in prop_oneof![3 => mutant(), 1 => scrypt(), 1 => "\\PC{0,200}", 1 => "\\$[$a-z0-9=,./+]{0,120}"]) {
        match text.parse() {
            Ok(Foreign::Argon2(_, _, params, sealed)) => {
                prop_assert!(params.block_count() <= 64 << 10);
                prop_assert!(u64::from(params.m_cost()) * u64::from(params.t_cost()) <= 512 << 10);
                prop_assert!((16..=64).contains(&sealed.output.len()));
            }
            Ok(Foreign::Scrypt(params, sealed)) => {
                let (block, lanes) = (u64::from(params.r()), u64::from(params.p()));
                let table = 1_u64 << params.log_n();
                prop_assert!(128 * block * (table + lanes) <= MOST_MEMORY);
                prop_assert!(block <= 32 && lanes <= 16);
                prop_assert!(sealed.output.len() >= 16);
            }
            Ok(Foreign::Pbkdf2(_, rounds, _)) => prop_assert!(rounds.get() <= MOST_ROUNDS),
            Ok(Foreign::Bcrypt(parts)) => prop_assert!(parts.get_cost() <= MOST_BCRYPT),
            Err(rule) => prop_assert!(!rule.is_empty()),
        }
    }
}
