//! Pages are complete, and their tokens cannot be made by others (B-28).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use contract::{Id, errors::ErrorReason};
use proptest::{prelude::*, sample::Index};
use rpc::{Caller, Error};
use store::{Keys, Page};

use crate::database::caller;

const METHOD: &str = "/usher.identity.v1.UserService/ListUsers";
const FILTER: &[u8] = b"state=active";

fn keys() -> Keys {
    Keys::new(&[3; 32])
}

fn open(caller: &Caller, size: u32, token: &str) -> Result<Page, Error> {
    Page::open(&keys(), caller, METHOD, size, token, FILTER)
}

/// Reads a page of the numbers below `count`, as SQL would.
fn read(caller: &Caller, count: u32, size: u32, token: &str) -> (Vec<u32>, String, String) {
    let page = open(caller, size, token).expect("a page");
    let after: Option<u32> = page.part(0).expect("a number");
    let limit = usize::try_from(page.limit()).expect("small");
    let rows = if page.backward() {
        (0..count)
            .rev()
            .filter(|row| after.is_none_or(|after| *row < after))
            .take(limit)
            .collect()
    } else {
        (0..count)
            .filter(|row| after.is_none_or(|after| *row > after))
            .take(limit)
            .collect()
    };
    page.close(rows, |row| vec![row.to_string()])
}

proptest! {
    #[test]
    fn forward_and_back_every_row_is_on_one_page(count in 0_u32..300, size in 0_u32..120) {
        let caller = caller(Id::new());
        let mut forward = Vec::new();
        let mut pages = Vec::new();
        let mut token = String::new();
        let mut last_previous;
        loop {
            let (rows, next, previous) = read(&caller, count, size, &token);
            prop_assert_eq!(previous.is_empty(), pages.is_empty());
            forward.extend(rows.iter().copied());
            pages.push(rows);
            last_previous = previous;
            if next.is_empty() { break }
            token = next;
        }
        prop_assert_eq!(forward, (0..count).collect::<Vec<_>>());
        pages.pop();
        while !last_previous.is_empty() {
            let (rows, next, previous) = read(&caller, count, size, &last_previous);
            prop_assert!(!next.is_empty());
            prop_assert_eq!(Some(rows), pages.pop());
            last_previous = previous;
        }
        prop_assert!(pages.is_empty());
    }

    #[test]
    fn b_28_no_mutant_of_a_token_is_accepted(at in any::<Index>(), bit in 0_u8..8, cut in any::<Index>()) {
        let caller = caller(Id::new());
        let (_, token, _) = read(&caller, 50, 10, "");
        let sealed = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        let mut flipped = sealed.clone();
        flipped[at.index(sealed.len())] ^= 1 << bit;
        let longer = [sealed.as_slice(), &[bit]].concat();
        // Without a single byte it would be no token at all: the first page.
        let shorter = &sealed[..=cut.index(sealed.len() - 1)];
        prop_assert!(shorter.len() < sealed.len());
        for mutant in [&flipped, shorter, &longer] {
            refused(open(&caller, 10, &URL_SAFE_NO_PAD.encode(mutant)));
        }
    }

    #[test]
    fn b_28_no_invented_token_is_accepted(token in ".{1,200}") {
        refused(open(&caller(Id::new()), 10, &token));
    }
}

fn always_the_same() -> Caller {
    let (tenant, user) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    Caller::acting("test", tenant.into(), Some(user.into()))
}

/// A good token with some of its letters changed, left out or doubled, or any text.
fn mutant() -> impl Strategy<Value = String> {
    let change = (any::<Index>(), 0..3_u8, "[-_A-Za-z0-9=+/ ]|\\PC");
    let changed = prop::collection::vec(change, 1..6).prop_map(|changes| {
        let (_, token, _) = read(&always_the_same(), 50, 10, "");
        let mut letters: Vec<char> = token.chars().collect();
        for (at, how, other) in changes {
            let at = at.index(letters.len());
            match how {
                0 => letters.splice(at..=at, other.chars()).for_each(drop),
                1 if letters.len() > 1 => drop(letters.remove(at)),
                _ => letters.insert(at, letters[at]),
            }
        }
        letters.into_iter().collect::<String>()
    });
    prop_oneof![3 => changed, 1 => "\\PC{1,200}", 1 => "[-_A-Za-z0-9]{1,200}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// The parser takes any text without a panic, and none in that it did not make.
    #[test]
    fn fuzz_any_text_is_a_page_token_or_refused(token in mutant()) {
        // Two changes may undo each other; the text is a good token then.
        match open(&always_the_same(), 10, &token) {
            Ok(page) => prop_assert_eq!(page.part::<u32>(0).expect("a number"), Some(9)),
            Err(error) => prop_assert!(error.is(ErrorReason::PageTokenInvalid)),
        }
    }
}

#[test]
fn b_28_a_token_is_good_for_its_own_list_alone() {
    let tenant = Id::new();
    let owner = caller(tenant);
    let (_, token, _) = read(&owner, 50, 10, "");
    open(&owner, 10, &token).expect("its own list");
    refused(open(
        &Caller {
            tenant: Some(Id::new()),
            ..owner.clone()
        },
        10,
        &token,
    ));
    refused(open(&caller(tenant), 10, &token));
    refused(Page::open(
        &keys(),
        &owner,
        "/usher.identity.v1.UserService/ListMore",
        10,
        &token,
        FILTER,
    ));
    refused(Page::open(
        &keys(),
        &owner,
        METHOD,
        10,
        &token,
        b"state=any",
    ));
    refused(Page::open(
        &Keys::new(&[4; 32]),
        &owner,
        METHOD,
        10,
        &token,
        FILTER,
    ));
}

#[test]
fn a_token_with_another_key_is_one_of_another_list() {
    let owner = caller(Id::new());
    let (_, token, _) = read(&owner, 50, 10, "");
    let page = open(&owner, 10, &token).expect("its own list");
    assert_eq!(page.part(0).expect("a number"), Some(9));
    for other in [page.part::<uuid::Uuid>(0).err(), page.part::<u32>(1).err()] {
        assert!(other.expect("refused").is(ErrorReason::PageTokenInvalid));
    }
}

#[test]
fn a_page_has_25_rows_by_default_and_100_at_most() {
    let caller = caller(Id::new());
    let limits =
        [0, 1, 100, 101, u32::MAX].map(|size| open(&caller, size, "").expect("a page").limit());
    assert_eq!(limits, [26, 2, 101, 101, 101]);
}

fn refused(page: Result<Page, Error>) {
    assert!(page.expect_err("refused").is(ErrorReason::PageTokenInvalid));
}
