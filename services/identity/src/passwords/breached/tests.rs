use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;

/// A place for a file, and the file gone afterwards.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        let name = format!("usher-breached-{}", uuid::Uuid::new_v4().simple());
        Place(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn built(list: &str, form: Form) -> (Place, Breached, Built) {
    let place = Place::new();
    let built = build(list.as_bytes(), form, &place.0, |_| ()).expect("a file");
    let breached = Breached::open(&place.0).expect("it opens");
    (place, breached, built)
}

fn sha1(password: &str) -> String {
    hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()))
}

/// What the published lists look like: upper case, a count, any order, twice.
#[test]
fn p_05_what_is_in_the_list_is_known_and_nothing_else() {
    let lines = [
        format!("{}:24230577", sha1("password").to_uppercase()),
        sha1("correct horse battery staple"),
        format!("{}:1", sha1("p\u{e4}ssword")),
        sha1("password"),
    ];
    let list = format!(
        "{}\r\n\r\n{}\n{}\n{}",
        lines[0], lines[1], lines[2], lines[3]
    );
    let (_place, breached, built) = built(&list, Form::Hashes);
    assert_eq!(
        built,
        Built {
            lines: 4,
            hashes: 3
        }
    );
    for known in ["password", "correct horse battery staple", "p\u{e4}ssword"] {
        assert!(breached.contains(known).expect("it reads"), "{known}");
    }
    for unknown in ["", "Password", "password ", "correct horse battery stapl"] {
        assert!(!breached.contains(unknown).expect("it reads"), "{unknown}");
    }
    assert!(
        !Breached::default()
            .contains("password")
            .expect("nothing to read")
    );
}

#[test]
fn a_line_that_is_no_hash_is_named_and_nothing_is_left() {
    for bad in [
        "xyz",
        &sha1("x")[1..],
        &format!("{}:x", sha1("x")),
        &format!("{}0", sha1("x")),
    ] {
        let place = Place::new();
        let list = format!("{}\n{bad}\n", sha1("first"));
        let error = build(list.as_bytes(), Form::Hashes, &place.0, |_| ()).expect_err("refused");
        assert_eq!(error.to_string(), "line 2 is no SHA-1 hash in hex", "{bad}");
        assert!(!place.0.exists() && !place.0.with_extension("parts").exists());
    }
}

#[test]
fn a_file_that_is_cut_off_or_no_such_file_does_not_open() {
    let (place, _, _) = built("one\ntwo\nthree", Form::Passwords);
    let whole = fs::read(&place.0).expect("a file");
    for bad in [
        &whole[..whole.len() - 1],
        &whole[..20],
        &whole[1..],
        b"",
        &[0; 100],
    ] {
        fs::write(&place.0, bad).expect("written");
        assert!(Breached::open(&place.0).is_err(), "{} bytes", bad.len());
    }
}

/// The rate of those taken for breached that are not, measured: at most ten in
/// a million, over a million that are in no list.
#[test]
fn few_are_taken_for_breached_that_are_not() {
    use std::fmt::Write as _;
    let mut list = String::new();
    for number in 0..100_000 {
        writeln!(list, "known {number}").expect("text");
    }
    let (_place, breached, built) = built(&list, Form::Passwords);
    assert_eq!(built.hashes, 100_000);
    assert!((0..100_000).step_by(997).all(|number| {
        breached
            .contains(&format!("known {number}"))
            .expect("it reads")
    }));
    let wrong = (0..1_000_000)
        .filter(|number| {
            breached
                .contains(&format!("unknown {number}"))
                .expect("it reads")
        })
        .count();
    assert!(wrong <= 10, "{wrong} of a million");
}

/// The file that is shipped for development is the one that its list makes.
#[test]
fn the_list_for_development_makes_its_file() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/dev");
    let list = fs::read(folder.join("breached-passwords.txt")).expect("a list");
    let place = Place::new();
    build(list.as_slice(), Form::Passwords, &place.0, |_| ()).expect("a file");
    let shipped = fs::read(folder.join("breached-passwords.bin")).expect("a file");
    let rebuilt = fs::read(&place.0).expect("a file");
    assert!(
        shipped == rebuilt,
        "build it again: usherctl breached-passwords build --plain"
    );
}

proptest! {
    #[test]
    fn every_password_of_a_list_is_known(list in prop::collection::btree_set("[ -~]{1,20}", 1..200)) {
        let text = list.iter().fold(String::new(), |text, one| text + one + "\n");
        let (_place, breached, built) = built(&text, Form::Passwords);
        prop_assert!(built.hashes <= built.lines);
        for known in &list {
            prop_assert!(breached.contains(known)?, "{known}");
        }
    }

    #[test]
    fn any_bytes_open_or_do_not(bytes in prop::collection::vec(any::<u8>(), 0..200), valid: bool) {
        let place = Place::new();
        let head = if valid { [MAGIC.as_slice(), &[0, 0, 0, 0, 0, 0, 0, 1], &[0; 8]].concat() } else { Vec::new() };
        fs::write(&place.0, [head, bytes].concat())?;
        if let Ok(breached) = Breached::open(&place.0) {
            let _ = breached.contains("password");
        }
    }
}
