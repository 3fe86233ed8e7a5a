//! A story through the gateway for each thing that identity must do and
//! withstand.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The ids of the requirements and of the bars that identity holds, as the names
/// of tests begin.
const IDS: [(char, &[u8]); 5] = [
    ('u', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16]),
    ('p', &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ('m', &[1, 2, 3, 4, 5, 6]),
    ('o', &[2, 3]),
    (
        'b',
        &[
            1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 27, 36, 42, 50, 76, 77, 82,
            83, 84,
        ],
    ),
];

/// Where tests call through the gateway; those that only read descriptors are
/// not asynchronous.
const STORIES: [&str; 3] = ["journeys", "faults", "contract"];

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The ids at the beginning of a name: `m_01` and `b_08` of
/// `m_01_b_08_a_code_works_once`.
fn ids(name: &str) -> Vec<String> {
    let words: Vec<_> = name.split('_').collect();
    let (pairs, _) = words.as_chunks::<2>();
    let id = |[kind, number]: &&[&str; 2]| kind.len() == 1 && number.parse::<u8>().is_ok();
    let pairs = pairs.iter().take_while(id);
    pairs
        .map(|[kind, number]| format!("{kind}_{number}"))
        .collect()
}

/// The ids that stories in a source are named after.
fn told(source: &str) -> BTreeSet<String> {
    let tests = source.split("#[tokio::test").skip(1);
    let named = tests.filter_map(|test| test.split_once("async fn ")?.1.split_once('('));
    named.flat_map(|(name, _)| ids(name)).collect()
}

#[test]
fn every_id_has_a_story_through_the_gateway() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = STORIES.iter().flat_map(|folder| files(&tests.join(folder)));
    let told: BTreeSet<_> = files
        .flat_map(|file| told(&fs::read_to_string(file).expect("a source")))
        .collect();
    let ids = IDS
        .iter()
        .flat_map(|(kind, numbers)| numbers.iter().map(move |n| format!("{kind}_{n:02}")));
    let missing: Vec<_> = ids.filter(|id| !told.contains(id)).collect();
    assert_eq!(missing, Vec::<String>::new(), "no story is named after");
}
