//! Following the logs of services: only warnings and errors reach the terminal.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::json;
use crate::say::{self, Colour, paint};

/// The most lines shown of one look; the rest are counted.
const MOST: usize = 5;

/// Where reading of one log has come to.
#[derive(Debug)]
pub(crate) struct Follower {
    name: String,
    file: PathBuf,
    read: u64,
}

impl Follower {
    pub(crate) fn new(name: &str, file: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            file,
            read: 0,
        }
    }

    /// Shows the warnings and errors since the last look. A log that cannot be read says nothing.
    pub(crate) fn look(&mut self) {
        let text = self.fresh().unwrap_or_default();
        let lines = counted(text.lines().filter_map(summary));
        for (line, times) in lines.iter().take(MOST) {
            let times = if *times > 1 {
                format!(" (×{times})")
            } else {
                String::new()
            };
            say::plain(format!("{} {line}{times}", paint(Colour::Bold, &self.name)));
        }
        if lines.len() > MOST {
            say::plain(format!(
                "{} … {} more in {}",
                self.name,
                lines.len() - MOST,
                self.file.display()
            ));
        }
    }

    /// Whole lines written since the last look.
    fn fresh(&mut self) -> Option<String> {
        let mut file = File::open(&self.file).ok()?;
        if file.metadata().ok()?.len() < self.read {
            self.read = 0; // the process was restarted with an empty log
        }
        file.seek(SeekFrom::Start(self.read)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n')? + 1);
        self.read += u64::try_from(bytes.len()).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Equal lines as one, with their number: several workers often have the same complaint.
fn counted(lines: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match counted.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => counted.push((line, 1)),
        }
    }
    counted
}

/// One line for a warning, an error, or a line that is no log line at all, such as a panic.
fn summary(line: &str) -> Option<String> {
    if !line.starts_with('{') {
        return (!line.trim().is_empty()).then(|| paint(Colour::Red, line));
    }
    let colour = match json::string(line, "level")?.as_str() {
        "WARN" => Colour::Yellow,
        "ERROR" => Colour::Red,
        _ => return None,
    };
    let message = json::string(line, "message").unwrap_or_default();
    let detail = json::string(line, "error")
        .map(|error| format!(": {error}"))
        .unwrap_or_default();
    Some(paint(colour, format!("{message}{detail}")))
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn shows_trouble_and_nothing_else() {
        assert_eq!(
            summary(r#"{"level":"INFO","fields":{"message":"fine"}}"#),
            None
        );
        let trouble = summary(r#"{"level":"WARN","fields":{"message":"slow","error":"timeout"}}"#);
        assert!(trouble.is_some_and(|line| line.contains("slow: timeout")));
        assert!(summary("thread 'main' panicked").is_some_and(|line| line.contains("panicked")));
    }
}
