//! Files to the gateway and back.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use contract::importer::{
    DownloadImportResultRequest, UploadHeader, UploadImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::show;
use crate::{Session, failure::Failure, names, print};

/// Bytes in a piece of an upload.
const PIECE: usize = 256 * 1024;

const UPLOADING: &str = "{wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec}";

/// Uploads a file and shows what is in it.
pub async fn upload(session: &Session, path: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io(path.display(), &error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let bar = session
        .print
        .bar(file.metadata().map_err(failed)?.len(), UPLOADING);
    let file_name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let header = UploadHeader {
        file_name,
        request_id: names::request_id(),
    };
    let (parts, stream) = mpsc::channel(4);
    let reader = tokio::task::spawn_blocking({
        let bar = bar.clone();
        move || read(file, header, &parts, &bar)
    });
    let mut client = ImportServiceClient::new(session.client.gateway());
    let reply = client.upload_import(ReceiverStream::new(stream)).await;
    bar.finish_and_clear();
    // Where reading broke off, the gateway saw only the beginning.
    if let Ok(Err(error)) = reader.await {
        return Err(Failure::io(path.display(), &error));
    }
    show::import(session, &reply?.into_inner().import.unwrap_or_default())
}

/// Reads on for as long as somebody listens.
fn read(
    mut file: std::fs::File,
    header: UploadHeader,
    parts: &mpsc::Sender<UploadImportRequest>,
    bar: &ProgressBar,
) -> std::io::Result<()> {
    let mut part = Part::Header(header);
    loop {
        if parts
            .blocking_send(UploadImportRequest { part: Some(part) })
            .is_err()
        {
            return Ok(());
        }
        let mut chunk = vec![0; PIECE];
        let length = file.read(&mut chunk)?;
        if length == 0 {
            return Ok(());
        }
        chunk.truncate(length);
        bar.inc(length as u64);
        part = Part::Chunk(chunk);
    }
}

/// Writes the result of an import to a file, or to stdout.
pub async fn result(
    session: &Session,
    import_id: String,
    to: Option<PathBuf>,
) -> Result<(), Failure> {
    let mut client = ImportServiceClient::new(session.client.gateway());
    let mut pieces = client
        .download_import_result(DownloadImportResultRequest { import_id })
        .await?
        .into_inner();
    let mut file = match &to {
        Some(path) => {
            Some(std::fs::File::create(path).map_err(|error| Failure::io(path.display(), &error))?)
        }
        None => None,
    };
    while let Some(piece) = pieces.message().await? {
        match (&mut file, &to) {
            (Some(file), Some(path)) => {
                file.write_all(&piece.chunk)
                    .map_err(|error| Failure::io(path.display(), &error))?;
            }
            _ => print::write(&piece.chunk)?,
        }
    }
    if let Some(path) = to {
        session.print.say(&format!("written: {}", path.display()));
    }
    Ok(())
}
