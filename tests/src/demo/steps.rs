//! Telling what happens, with times.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// Prints each step with the time it took.
pub struct Steps {
    quiet: bool,
    number: u32,
    begun: Instant,
    since: Instant,
}

impl Steps {
    /// To the terminal, or to nobody.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            number: 0,
            begun: Instant::now(),
            since: Instant::now(),
        }
    }

    /// The next step begins.
    pub fn begin(&mut self, what: &str) {
        self.took();
        self.number += 1;
        self.since = Instant::now();
        self.line(&format!("{}. {what}", self.number));
    }

    /// Something worth knowing within a step.
    pub fn note(&self, what: &str) {
        self.line(&format!("   {what}"));
    }

    /// A bar for long work.
    #[must_use]
    pub fn bar(&self, total: u64) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let style =
            ProgressStyle::with_template("   [{bar:40}] {pos}/{len} rows, {per_sec}, {eta} left");
        let bar = ProgressBar::new(total);
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }

    /// The last step is over.
    pub fn end(&mut self) {
        self.took();
        self.line(&format!(
            "All as it must be, in {:.1} s.",
            self.begun.elapsed().as_secs_f64()
        ));
    }

    fn took(&self) {
        if self.number > 0 {
            self.line(&format!(
                "   {:.0} ms",
                self.since.elapsed().as_secs_f64() * 1000.0
            ));
        }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            println!("{text}");
        }
    }
}
