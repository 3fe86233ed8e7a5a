//! Lists of any length, page by page.

use std::future::Future;

use tonic::{Response, Status};

use crate::failure::Failure;

/// How much of a list is wanted.
#[derive(clap::Args, Clone, Copy)]
pub struct Limit {
    /// The most entries to show
    #[arg(long, default_value_t = 25, value_name = "N")]
    limit: usize,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Limit {
    /// All there are.
    pub const ALL: Limit = Limit {
        limit: usize::MAX,
        all: true,
    };
}

/// Entries of a list, and how many there are in all.
pub struct Listed<T> {
    pub entries: Vec<T>,
    pub total: u64,
}

/// Asks for page after page; `ask` takes a page's size and token, `open` takes
/// a reply apart into entries, next token and total.
pub async fn list<T, R, F: Future<Output = Result<Response<R>, Status>>>(
    limit: Limit,
    mut ask: impl FnMut(u32, String) -> F,
    open: impl Fn(R) -> (Vec<T>, String, u64),
) -> Result<Listed<T>, Failure> {
    let most = if limit.all { usize::MAX } else { limit.limit };
    let mut entries = Vec::new();
    let mut token = String::new();
    loop {
        let size = u32::try_from((most - entries.len()).min(100)).unwrap_or(100);
        let (page, next, total) = open(ask(size.max(1), token).await?.into_inner());
        entries.extend(page);
        token = next;
        if token.is_empty() || entries.len() >= most {
            entries.truncate(most);
            return Ok(Listed { entries, total });
        }
    }
}
