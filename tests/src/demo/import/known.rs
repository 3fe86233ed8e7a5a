//! What is known of the file, and the import compared with it.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, ensure};
use contract::importer::{Import, RowState};
use serde_json::Value;
use testkit::Client;

use super::rows;

/// What is known of `people.csv`.
pub(super) fn expected() -> Result<Value> {
    let text = std::fs::read_to_string(data("people.expected.json"))
        .context("reading people.expected.json")?;
    Ok(serde_json::from_str(&text)?)
}

/// A number of the expected file.
pub(super) fn number(expected: &Value, name: &str) -> Result<u64> {
    expected[name]
        .as_u64()
        .with_context(|| format!("the expected file does not say {name}"))
}

/// The counts of the preview.
pub(super) fn compare(import: &Import, expected: &Value) -> Result<()> {
    let counts = import.counts.context("an import without counts")?;
    let seen = [
        ("good", counts.good),
        ("flagged", counts.flagged),
        ("wrong", counts.wrong),
        ("duplicate", counts.duplicate),
        ("blank", counts.blank),
        ("users", counts.users),
    ];
    for (name, seen) in seen {
        let wanted = number(expected, name)?;
        ensure!(
            u64::from(seen) == wanted,
            "{name}: {wanted} expected, the preview says {seen}"
        );
    }
    Ok(())
}

/// Row for row: every row that is not good, and no other.
pub(super) async fn compare_rows(client: &Client, import_id: &str, expected: &Value) -> Result<()> {
    let states = [
        RowState::Flagged,
        RowState::Wrong,
        RowState::Duplicate,
        RowState::Blank,
    ];
    let seen: BTreeMap<u64, String> = rows(client, import_id, &states)
        .await?
        .iter()
        .map(|row| (row.line.into(), word(row.state())))
        .collect();
    let list = expected["not_good_lines"]
        .as_array()
        .context("the expected file lists no lines")?;
    let wanted: BTreeMap<u64, String> = list
        .iter()
        .filter_map(|pair| Some((pair[0].as_u64()?, pair[1].as_str()?.to_owned())))
        .collect();
    let wrong: Vec<_> = wanted
        .iter()
        .filter(|(line, state)| seen.get(*line) != Some(*state))
        .chain(seen.iter().filter(|(line, _)| !wanted.contains_key(*line)))
        .collect();
    ensure!(
        wrong.is_empty(),
        "lines judged otherwise than expected: {wrong:?}"
    );
    Ok(())
}

fn word(state: RowState) -> String {
    state
        .as_str_name()
        .trim_start_matches("ROW_STATE_")
        .to_lowercase()
}

/// A file of `tests/data`.
pub(super) fn data(file_name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(file_name)
}
