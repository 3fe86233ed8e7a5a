//! What only this service can be told.

use std::path::PathBuf;

/// The flags of importer.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Importer")]
#[group(skip)]
pub struct Config {
    /// Where files stand while they are read, each at most 256 MiB, 32 at a
    /// time, two of a tenant. Nothing is left there, not even by a kill
    #[arg(long, env = "USHER_SPOOL_DIR", default_value_os_t = std::env::temp_dir())]
    pub spool_dir: PathBuf,
    /// Rows that a commit does in one go, at most 500. Few let callers see
    /// progress often, many cost less. It holds for commits that begin after
    #[arg(long, env = "USHER_IMPORT_CHUNK_ROWS", default_value_t = 200,
          value_parser = clap::value_parser!(u16).range(1..=500))]
    pub import_chunk_rows: u16,
}
