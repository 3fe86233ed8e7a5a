//! SQL, a file a table: connection in, domain out, `None` is an answer.

pub mod commits;
pub mod imports;
pub mod roles;
pub mod rows;
