//! Turns `proto/` into Rust: messages and services by prost and tonic; from the
//! options in the descriptors the validators, the method table, the reasons.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts by the environment"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};

#[path = "build/containers.rs"]
mod containers;
#[path = "build/names.rs"]
mod names;
#[path = "build/rules.rs"]
mod rules;
#[path = "build/sources.rs"]
mod sources;
#[path = "build/strings.rs"]
mod strings;
#[path = "build/tables.rs"]
mod tables;
#[path = "build/validate.rs"]
mod validate;

/// Why the contract cannot be built, in words for whoever edits a .proto file.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let protos = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", protos.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");

    let mut compiler = protox::Compiler::new(sources::includes(&protos)?)?;
    compiler.include_imports(true).include_source_info(true);
    for file in sources::files(&protos)? {
        compiler.open_file(file)?;
    }
    write(&out, "image.bin", compiler.encode_file_descriptor_set())?;
    generate(&compiler)?;
    compiler.include_source_info(false);
    write(
        &out,
        "descriptors.bin",
        compiler.encode_file_descriptor_set(),
    )?;

    let pool = compiler.descriptor_pool();
    write(&out, "validators.rs", validate::generate(&pool)?)?;
    write(&out, "tables.rs", tables::generate(&pool)?)?;
    write(&out, "areas.rs", tables::areas(&pool)?)?;
    Ok(())
}

/// Messages, clients and servers of our own packages. The well-known types are
/// those of prost-types, `google.rpc` is that of tonic-types; all other imports
/// are only there for their options.
fn generate(compiler: &protox::Compiler) -> Result<()> {
    let mut set = compiler.file_descriptor_set();
    set.file.retain(|file| {
        names::is_ours(file.package())
            || ["google.protobuf", "google.rpc"].contains(&file.package())
    });
    let mut config = prost_build::Config::new();
    // Ordered maps, so that equal messages have equal bytes: the hash of a
    // request tells a repeated call from a reused request id.
    config
        .btree_map(["."])
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com");
    tonic_prost_build::configure()
        .codec_path("crate::codec::ValidatingCodec")
        .extern_path(".google.rpc", "::tonic_types::pb")
        .emit_rerun_if_changed(false)
        .include_file("packages.rs")
        .compile_fds_with_config(set, config)?;
    Ok(())
}

/// Writes only what changed, so that nothing is compiled again for nothing.
fn write(out: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
    let path = out.join(name);
    if fs::read(&path).is_ok_and(|old| old == content.as_ref()) {
        return Ok(());
    }
    Ok(fs::write(path, content)?)
}

/// The value of an option of ours or of buf's, or nothing where it is not set.
fn option(
    pool: &DescriptorPool,
    options: &DynamicMessage,
    name: &str,
) -> Option<prost_reflect::Value> {
    let extension = pool.get_extension_by_name(name)?;
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}

/// The same for an option that is a message.
fn message_option(
    pool: &DescriptorPool,
    options: &DynamicMessage,
    name: &str,
) -> Option<DynamicMessage> {
    match option(pool, options, name)? {
        prost_reflect::Value::Message(message) if message.encoded_len() > 0 => Some(message),
        _ => None,
    }
}
