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

/// Rows in the order of a list, in the order in which a page is read.
fn nearest_first<T>(mut rows: Vec<T>, backward: bool) -> Vec<T> {
    if backward {
        rows.reverse();
    }
    rows
}
