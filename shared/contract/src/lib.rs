//! The contract: what `proto/` says, as Rust.
//!
//! Owns the generated messages, clients and servers, and what is generated from
//! the options beside them: who may call a method ([`method`]), which fields are
//! acceptable ([`Validate`], enforced by the [`codec`]), and the status code of
//! each reason for a refusal ([`Reason`]). Never holds a rule of its own: a rule
//! is changed in a `.proto` file.

pub mod codec;
mod id;
mod table;
mod validate;

pub use id::Id;
pub use table::{Idempotency, Method, Paged, Reason, Request, Rule, method, methods};
pub use validate::{FieldViolation, Validate, Violations};

/// All files of the contract and all that they import, as an encoded
/// `google.protobuf.FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What prost and tonic wrote, one module a package.
mod pb {
    #![allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
    include!(concat!(env!("OUT_DIR"), "/packages.rs"));
}

include!(concat!(env!("OUT_DIR"), "/areas.rs"));
