//! The tables of authorization: SQL, and nothing that decides.
//!
//! A page is read by one query for both directions: two branches of which a
//! parameter switches one off before it is executed, each along the index, and
//! the few rows then in the order of the list. [`nearest_first`] turns them
//! into the order that `store::Page` expects.

pub mod access;
pub mod bindings;
pub mod groups;
pub mod projects;
pub mod roles;
pub mod seats;
pub mod subjects;
pub mod tenants;

use rpc::Error;
use store::Page;

/// Rows in the order of a list, in the order in which a page is read.
pub fn nearest_first<T>(page: &Page, mut rows: Vec<T>) -> Vec<T> {
    if page.backward() {
        rows.reverse();
    }
    rows
}

/// Part of the key to read on from; without one, the value before all others.
pub fn after<T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    page: &Page,
    part: usize,
    first: T,
) -> Result<T, Error> {
    match page.after().and_then(|key| key.get(part)) {
        Some(text) => Ok(text.parse()?),
        None => Ok(first),
    }
}
