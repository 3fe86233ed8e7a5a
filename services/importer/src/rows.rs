//! The rows of an import in review: the table of contents.

mod list;
mod map;
mod update;
mod view;

pub use self::{
    list::run as list,
    map::run as map,
    update::run as update,
    view::{problems, row as view},
};
