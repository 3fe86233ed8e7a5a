//! Prints the contract as an encoded `google.protobuf.FileDescriptorSet`, with
//! comments and imports: `buf lint`, `buf breaking` and protoc's plug-ins of
//! other languages take it instead of files.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(include_bytes!(concat!(env!("OUT_DIR"), "/image.bin")))
}
