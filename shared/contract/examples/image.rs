//! Prints the contract as an encoded `google.protobuf.FileDescriptorSet`, with
//! comments and imports: `buf lint`, `buf breaking` and protoc's plug-ins of
//! other languages take it instead of files.
//!
//! With a folder as its argument it prints the contract in there instead, such
//! as that of an earlier commit; what that imports from others is as it is now.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protox::file::{ChainFileResolver, DescriptorSetFileResolver, IncludeFileResolver};

const NOW: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/image.bin"));

fn main() -> Result<(), Box<dyn Error>> {
    let image = match std::env::args_os().nth(1) {
        None => NOW.to_vec(),
        Some(folder) => compiled(Path::new(&folder))?,
    };
    Ok(io::stdout().write_all(&image)?)
}

fn compiled(folder: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut sources = ChainFileResolver::new();
    sources.add(IncludeFileResolver::new(folder.to_owned()));
    sources.add(DescriptorSetFileResolver::decode(NOW)?);
    let mut compiler = protox::Compiler::with_file_resolver(sources);
    compiler.include_imports(true).include_source_info(true);
    for file in files(folder)? {
        compiler.open_file(file.strip_prefix(folder)?)?;
    }
    Ok(compiler.encode_file_descriptor_set())
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
