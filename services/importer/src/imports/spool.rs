//! An upload on its way to the disk.

use std::{io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use aws_lc_rs::digest::{Context, SHA256};
use contract::{
    Id, errors,
    importer::{ErrorReason, UploadHeader, UploadImportRequest, upload_import_request::Part},
};
use rpc::{Because as _, Error};
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, timeout_at},
};
use tonic::Streaming;

/// The most bytes that a file may have.
const MOST: u64 = 256 << 20;
/// How long the next piece of an upload may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The least bytes a second, on average, after the first seconds.
const RATE: u64 = 16 << 10;
const FIRST: Duration = Duration::from_secs(10);

/// A file that was uploaded. It has no name, so it is gone with this value,
/// also where the process is killed.
pub struct Spooled {
    pub header: UploadHeader,
    pub file: std::fs::File,
    /// Its SHA-256.
    pub hash: Vec<u8>,
}

/// Takes in an upload; one that is too large, or too slow, is refused while it
/// comes in.
pub async fn take(
    folder: &Path,
    mut parts: Streaming<UploadImportRequest>,
) -> Result<Spooled, Error> {
    let malformed = |why: &str| ErrorReason::UploadMalformed.because(format!("the upload {why}"));
    let began = Instant::now();
    let Some(Part::Header(header)) = next(&mut parts, began, 0).await? else {
        return Err(malformed("does not begin with its header"));
    };
    let mut file = tokio::fs::File::from_std(nameless(folder)?);
    let mut hash = Context::new(&SHA256);
    let mut size = 0;
    while let Some(part) = next(&mut parts, began, size).await? {
        let Part::Chunk(chunk) = part else {
            return Err(malformed("has a second header"));
        };
        size += chunk.len() as u64;
        if size > MOST {
            return Err(ErrorReason::FileUnreadable.because("the file has more than 256 MiB"));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(Spooled {
        header,
        file: file.into_std().await,
        hash: hash.finish().as_ref().to_vec(),
    })
}

/// The next piece, where it comes in time: an upload without end would hold its
/// place for ever.
async fn next(
    parts: &mut Streaming<UploadImportRequest>,
    began: Instant,
    size: u64,
) -> Result<Option<Part>, Error> {
    let patience = Instant::now() + PATIENCE;
    let latest = patience.min(began + FIRST + Duration::from_secs(size / RATE));
    let message = timeout_at(latest, parts.message()).await.map_err(|_| {
        let why = "the file comes in too slowly: for 30 seconds nothing, or on average less than \
                   16 KiB a second";
        errors::ErrorReason::DeadlineExceeded.because(why)
    })??;
    Ok(message.and_then(|message| message.part))
}

/// A file that nobody else can open.
fn nameless(folder: &Path) -> io::Result<std::fs::File> {
    let path = folder.join(format!("usher-import-{}", Id::<UploadHeader>::new()));
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
