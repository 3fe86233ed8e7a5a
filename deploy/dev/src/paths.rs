//! Where everything is.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::environment;
use crate::failure::{Doing, Failure, Outcome};
use crate::unprivileged::{self, User};

#[derive(Clone, Debug)]
pub(crate) struct Paths {
    root: PathBuf,
    /// Programs of the servers and their data. They must be reachable by the user the servers run as.
    servers: PathBuf,
    /// Who the servers run as, when that is not who we are.
    user: Option<User>,
}

impl Paths {
    pub(crate) fn find() -> Outcome<Self> {
        // `cargo run` says where the package is now; what was compiled in says where it was then.
        let package = environment::variable("CARGO_MANIFEST_DIR");
        let package =
            PathBuf::from(package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned()));
        Self::of(&package.join("../.."))
    }

    pub(crate) fn of(root: &Path) -> Outcome<Self> {
        let root = root
            .canonicalize()
            .doing(format_args!("find the repository at {}", root.display()))?;
        let dev = root.join(".dev");
        make(&dev)?;
        let user = unprivileged::user();
        let servers = match user {
            Some(_) if !open_to_all(&dev) => elsewhere(&root)?,
            _ => dev,
        };
        Ok(Self {
            root,
            servers,
            user,
        })
    }

    /// The repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn dev(&self, name: &str) -> PathBuf {
        self.root.join(".dev").join(name)
    }

    /// Logs, one file a process.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dev("log").join(format!("{name}.log"))
    }

    /// What is running now: one folder for each `cargo dev` that runs.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.dev("run")
    }

    /// Fetched programs, one folder a package.
    pub(crate) fn tools(&self) -> PathBuf {
        self.servers.join("tools")
    }

    /// Links to the programs in use, whether fetched or of the system.
    pub(crate) fn programs(&self) -> PathBuf {
        self.tools().join("bin")
    }

    /// Data of the servers.
    pub(crate) fn data(&self) -> PathBuf {
        self.servers.join("data")
    }

    pub(crate) fn user(&self) -> Option<User> {
        self.user
    }

    /// Where cargo puts the binaries of this profile: beside this very program.
    pub(crate) fn built(&self, profile: &str) -> Outcome<PathBuf> {
        let exe = env::current_exe().doing("find this program")?;
        let target = exe
            .ancestors()
            .find(|dir| dir.ends_with("debug") || dir.ends_with("release"));
        let target = target
            .and_then(Path::parent)
            .map_or_else(|| self.root.join("target"), Path::to_owned);
        Ok(target.join(profile))
    }
}

/// Makes a directory, and those above it, where there is none.
pub(crate) fn make(dir: &Path) -> Outcome {
    fs::create_dir_all(dir).doing(format_args!("make {}", dir.display()))
}

/// Removes a directory and all in it. One that is not there is as good as removed.
pub(crate) fn remove(dir: &Path) -> Outcome {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing(format_args!("remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Whether a user without rights of its own can get here.
fn open_to_all(dir: &Path) -> bool {
    dir.ancestors()
        .all(|dir| fs::metadata(dir).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}

/// A home outside a repository that only root can enter. Its name says whose it is.
fn elsewhere(root: &Path) -> Outcome<PathBuf> {
    let name = crate::secrets::sha256(root.as_os_str().as_encoded_bytes());
    let dir = PathBuf::from(format!("/var/tmp/usher-dev-{}", &name[..12]));
    let made = fs::DirBuilder::new().mode(0o755).create(&dir);
    // Anybody can make a folder of that name: one that root did not make is not used.
    let ours = fs::symlink_metadata(&dir).is_ok_and(|found| found.is_dir() && found.uid() == 0);
    if ours {
        return Ok(dir);
    }
    made.doing(format_args!("make {}", dir.display()))?;
    Err(
        Failure::new(format!("{} belongs to somebody else", dir.display()))
            .advise("Remove it, then try again."),
    )
}
