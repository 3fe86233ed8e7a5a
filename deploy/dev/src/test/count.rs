//! How many tests passed, failed and were skipped: read from what the runner says.

use std::fmt;
use std::ops::Add;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Count {
    /// The numbers of a line with which nextest ends
    /// (`Summary [ 1.2s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`), or, of
    /// `cargo test`, each test program (`test result: ok. 3 passed; 1 failed; 2 ignored; …`). nextest
    /// shows such lines too, further in, of the programs it runs: those are not counted.
    pub(crate) fn of(line: &str) -> Option<Self> {
        let line = without_colour(line);
        let numbers = match line.split_once("     Summary [") {
            Some(("", summary)) => summary
                .split_once("run:")
                .map_or(summary, |(_, numbers)| numbers),
            _ => line.strip_prefix("test result:")?.split_once('.')?.1,
        };
        let mut count = Self::default();
        let words: Vec<_> = numbers
            .split([' ', ',', ';', '(', ')'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => count.passed += number,
                "failed" | "timed" | "exec" => count.failed += number,
                "skipped" | "ignored" => count.skipped += number,
                _ => {}
            }
        }
        Some(count)
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(out, ", {} skipped", self.skipped)
        } else {
            Ok(())
        }
    }
}

fn without_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, behind)| behind);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> String {
        Count::of(line).map_or_else(|| "nothing".to_owned(), |count| count.to_string())
    }

    #[test]
    fn reads_what_runners_say() {
        let cases = [
            (
                "     Summary [   0.051s] 11 tests run: 11 passed, 0 skipped",
                "11 passed, 0 failed",
            ),
            (
                "     Summary [  12.3s] 8/11 tests run: 5 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 4 skipped",
                "5 passed, 3 failed, 4 skipped",
            ),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   1.0s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped",
                "2 passed, 0 failed",
            ),
            (
                "     Summary [   0.000s] 0 tests run: 0 passed, 37 skipped",
                "0 passed, 0 failed, 37 skipped",
            ),
            (
                "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.00s",
                "3 passed, 1 failed, 2 skipped",
            ),
            (
                "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 27 filtered out",
                "nothing",
            ),
            ("a test printed: 3 passed, 1 failed", "nothing"),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }
}
