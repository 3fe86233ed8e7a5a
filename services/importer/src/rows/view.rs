//! A row as callers see it.

use contract::importer::{ImportRow, RowOutcome, RowProblem, RowState};

use crate::db::rows::{OverSeats, Row};

/// A row; `over` says which rows go over the seats, where that matters.
pub fn row(stored: Row, over: Option<&OverSeats>) -> ImportRow {
    let state = RowState::from_str_name(&format!("ROW_STATE_{}", stored.state)).unwrap_or_default();
    let outcome = stored
        .outcome
        .as_ref()
        .and_then(|outcome| RowOutcome::from_str_name(&format!("ROW_OUTCOME_{outcome}")));
    ImportRow {
        line: stored.line.cast_unsigned(),
        state: state.into(),
        problems: problems(&stored),
        role_id: stored.role_id.map(|id| id.to_string()).unwrap_or_default(),
        default_group: stored.default_group,
        existing: stored.existing,
        over_seats: over.is_some_and(|over| over.includes(&stored)),
        outcome: outcome.unwrap_or_default().into(),
        user_id: stored.user_id.map(|id| id.to_string()).unwrap_or_default(),
        email: stored.email,
        first_name: stored.first_name,
        last_name: stored.last_name,
        role: stored.role,
        failure: stored.failure,
    }
}

/// What is wrong with a row, by itself and among the others.
pub fn problems(row: &Row) -> Vec<RowProblem> {
    let one = |field: &str, description: String| {
        vec![RowProblem {
            field: field.to_owned(),
            description,
        }]
    };
    match row.state.as_str() {
        "FLAGGED" => one("role", format!("the tenant has no role \"{}\"", row.role)),
        // The first row may be that of a user who was deleted since.
        "DUPLICATE" => one(
            "email",
            row.duplicate_of.map_or_else(
                || "stands in an earlier line already".to_owned(),
                |line| format!("stands in line {line} already"),
            ),
        ),
        _ => {
            let stored = row.problems.iter().flat_map(|problems| problems.iter());
            stored
                .map(|p| RowProblem {
                    field: p.field.clone(),
                    description: p.description.clone(),
                })
                .collect()
        }
    }
}
