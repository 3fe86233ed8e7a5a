//! Where session tokens are kept between commands: one file, readable by its
//! owner only, with one token a gateway, and one of this machine for each account.

use std::{
    collections::BTreeMap,
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use tonic::transport::Uri;

use crate::failure::Failure;

type Tokens = BTreeMap<String, String>;

/// The file, and the gateway whose token is meant.
pub struct Credentials {
    file: PathBuf,
    gateway: String,
}

impl Credentials {
    /// The given file, or `~/.config/usher/credentials`.
    pub fn at(file: Option<PathBuf>, gateway: &Uri) -> Result<Credentials, Failure> {
        let home = || std::env::home_dir().map(|home| home.join(".config/usher/credentials"));
        let why = "there is no home directory for the token; say --credentials FILE";
        let file = file.or_else(home).ok_or_else(|| Failure::usage(why))?;
        Ok(Credentials {
            file,
            gateway: gateway.to_string(),
        })
    }

    /// The token of the gateway, if there is one.
    pub fn token(&self) -> Result<Option<String>, Failure> {
        Ok(self.read()?.remove(&self.gateway))
    }

    /// Keeps the token of the gateway.
    pub fn keep(&self, token: &str) -> Result<(), Failure> {
        let mut tokens = self.read()?;
        tokens.insert(self.gateway.clone(), token.to_owned());
        self.write(&tokens)
    }

    /// The token by which an account knows this machine; empty where it does not.
    pub fn device(&self, account: &str) -> Result<String, Failure> {
        let token = self.read()?.remove(&self.machine(account));
        Ok(token.unwrap_or_default())
    }

    /// Keeps the token by which an account knows this machine. It outlives the
    /// session.
    pub fn keep_device(&self, account: &str, token: &str) -> Result<(), Failure> {
        let mut tokens = self.read()?;
        tokens.insert(self.machine(account), token.to_owned());
        self.write(&tokens)
    }

    fn machine(&self, account: &str) -> String {
        format!("{} device {account}", self.gateway)
    }

    /// Forgets the token of the gateway.
    pub fn forget(&self) -> Result<(), Failure> {
        let mut tokens = self.read()?;
        if tokens.remove(&self.gateway).is_some() {
            self.write(&tokens)
        } else {
            Ok(())
        }
    }

    fn read(&self) -> Result<Tokens, Failure> {
        match fs::read(&self.file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                Failure::Io(format!(
                    "{}: {error}; delete it and sign in again",
                    self.file.display()
                ))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Tokens::new()),
            Err(error) => Err(Failure::io(self.file.display(), &error)),
        }
    }

    /// Writes beside and renames: the file is whole at any time, and never
    /// readable by others.
    fn write(&self, tokens: &Tokens) -> Result<(), Failure> {
        let beside = self.file.with_extension("new");
        let write = || {
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            if let Err(error) = fs::remove_file(&beside)
                && error.kind() != ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(serde_json::to_string_pretty(tokens)?.as_bytes())?;
            fs::rename(&beside, &self.file)
        };
        write().map_err(|error| Failure::io(self.file.display(), &error))
    }
}
