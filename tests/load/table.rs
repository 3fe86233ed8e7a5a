//! Rows of figures.

use comfy_table::{CellAlignment, Table as Grid, presets::ASCII_MARKDOWN};
use serde_json::json;

/// One measured thing beside its reference.
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Our figure.
    pub ours: f64,
    /// The reference's figure.
    pub reference: f64,
    /// What the reference is.
    pub reference_name: &'static str,
    /// What the ratio should be, such as `>= 0.8`; empty without a goal.
    pub goal: &'static str,
    /// The unit of both figures.
    pub unit: &'static str,
}

/// What the bench prints.
pub struct Table {
    rows: Vec<Row>,
    filter: Option<String>,
    json: bool,
}

impl Table {
    pub fn new(filter: Option<String>, json: bool) -> Self {
        Self {
            rows: Vec::new(),
            filter,
            json,
        }
    }

    /// Whether rows of this name are asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| name.to_lowercase().contains(&filter.to_lowercase()))
    }

    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn print(&self) {
        if self.json {
            for row in &self.rows {
                println!(
                    "{}",
                    json!({
                        "row": row.name, "ours": row.ours, "reference": row.reference,
                        "reference_name": row.reference_name, "ratio": ratio(row), "goal": row.goal, "unit": row.unit,
                    })
                );
            }
            return;
        }
        let mut grid = Grid::new();
        grid.load_style(ASCII_MARKDOWN).set_header([
            "row",
            "ours",
            "reference",
            "reference is",
            "ratio",
            "goal",
            "unit",
        ]);
        for row in &self.rows {
            let figures = [figure(row.ours), figure(row.reference)];
            let [ours, reference] = figures;
            let ratio = format!("{:.2}", ratio(row));
            grid.add_row([
                &row.name,
                &ours,
                &reference,
                row.reference_name,
                &ratio,
                row.goal,
                row.unit,
            ]);
        }
        for column in [1, 2, 4] {
            if let Some(column) = grid.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        println!("{grid}");
    }
}

fn ratio(row: &Row) -> f64 {
    row.ours / row.reference
}

fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// The middle of the figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
