//! Passwords and keys of this checkout's own servers and services: made once, kept in `.dev/secrets`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::failure::{Doing, Outcome};
use crate::paths::Paths;

#[derive(Debug)]
pub(crate) struct Secrets {
    file: PathBuf,
    values: BTreeMap<String, String>,
}

impl Secrets {
    pub(crate) fn open(paths: &Paths) -> Outcome<Self> {
        let file = paths.dev("secrets");
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            // New secrets in place of unreadable ones would shut us out of our own data.
            read => read.doing(format_args!("read {}", file.display()))?,
        };
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        let values = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Self { file, values })
    }

    /// A password: 16 random bytes in hex, safe in any URL.
    pub(crate) fn password(&mut self, name: &str) -> Outcome<String> {
        self.value(name, |bytes| hex(&bytes[..16]))
    }

    /// A key: 32 random bytes in base64.
    pub(crate) fn key(&mut self, name: &str) -> Outcome<String> {
        self.value(name, |bytes| base64(&bytes))
    }

    fn value(&mut self, name: &str, write: impl Fn([u8; 32]) -> String) -> Outcome<String> {
        if let Some(known) = self.values.get(name) {
            return Ok(known.clone());
        }
        let made = write(random()?);
        self.values.insert(name.to_owned(), made.clone());
        let lines: Vec<_> = self
            .values
            .iter()
            .map(|(name, value)| format!("{name} {value}\n"))
            .collect();
        write_private(&self.file, &lines.concat())?;
        Ok(made)
    }
}

/// A password nobody keeps.
pub(crate) fn fresh_password() -> Outcome<String> {
    Ok(hex(&random()?[..16]))
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(file: &Path, text: &str) -> Outcome {
    let unfinished = file.with_extension("part");
    let doing = format!("write {}", file.display());
    drop(fs::remove_file(&unfinished));
    let mut open = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)
        .doing(&doing)?;
    open.write_all(text.as_bytes()).doing(&doing)?;
    fs::rename(unfinished, file).doing(&doing)
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn random() -> Outcome<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut source = fs::File::open("/dev/urandom").doing("open /dev/urandom")?;
    source.read_exact(&mut bytes).doing("read /dev/urandom")?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| {
            bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_base64_as_rfc_4648_does() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn hashes_as_fips_180_does() {
        assert_eq!(sha256(b"abc")[..16], *"ba7816bf8f01cfea");
    }
}
