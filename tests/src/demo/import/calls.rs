//! What the demo asks of the importer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contract::importer::{
    GetImportRequest, Import, ImportRow, ImportState, ListImportRowsRequest, RowState,
    UpdateImportRowRequest, UploadHeader, UploadImportRequest, WatchImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use indicatif::ProgressBar;
use testkit::Client;
use tonic::{Code, Status};

use super::known::data;

/// How long the demo waits for a suite that is being started again.
const PATIENCE: Duration = Duration::from_mins(2);

/// Sends a file of `tests/data` in pieces.
pub async fn upload(client: &Client, file_name: &str) -> Result<Import> {
    let bytes = std::fs::read(data(file_name)).with_context(|| format!("reading {file_name}"))?;
    let header = UploadHeader {
        file_name: file_name.to_owned(),
        ..Default::default()
    };
    let mut parts = vec![UploadImportRequest {
        part: Some(Part::Header(header)),
    }];
    parts.extend(bytes.chunks(16 * 1024).map(|chunk| UploadImportRequest {
        part: Some(Part::Chunk(chunk.to_vec())),
    }));
    let mut imports = ImportServiceClient::new(client.clone());
    let reply = imports
        .upload_import(tokio_stream::iter(parts))
        .await
        .context("uploading")?;
    reply.into_inner().import.context("no import in the reply")
}

/// One import.
pub(super) async fn get(
    imports: &mut ImportServiceClient<Client>,
    import_id: &str,
) -> Result<Import> {
    let reply = imports
        .get_import(GetImportRequest {
            import_id: import_id.to_owned(),
        })
        .await?;
    reply.into_inner().import.context("no import in the reply")
}

/// All rows of an import in these states; all where none is named.
pub async fn rows(client: &Client, import_id: &str, states: &[RowState]) -> Result<Vec<ImportRow>> {
    let mut imports = ImportServiceClient::new(client.clone());
    let mut ask = ListImportRowsRequest {
        import_id: import_id.to_owned(),
        page_size: 100,
        states: states.iter().map(|&state| state.into()).collect(),
        ..Default::default()
    };
    let mut rows = Vec::new();
    loop {
        let page = imports.list_import_rows(ask.clone()).await?.into_inner();
        rows.extend(page.rows);
        if page.next_page_token.is_empty() {
            ensure!(
                rows.len() as u64 == page.total_size,
                "{} rows, total {}",
                rows.len(),
                page.total_size
            );
            return Ok(rows);
        }
        ask.page_token = page.next_page_token;
    }
}

/// Mends a row that is wrong.
pub(super) async fn fix(
    imports: &mut ImportServiceClient<Client>,
    import_id: &str,
    row: &ImportRow,
) -> Result<()> {
    let or = |value: &str, other: &str| {
        Some(if value.is_empty() {
            other.to_owned()
        } else {
            value.to_owned()
        })
    };
    let ask = UpdateImportRowRequest {
        import_id: import_id.to_owned(),
        line: row.line,
        email: Some("mended.row@acme.example".into()),
        first_name: or(&row.first_name, "Mended"),
        last_name: or(&row.last_name, "Row"),
        role: Some("standard user".into()),
        ..Default::default()
    };
    let row = imports
        .update_import_row(ask)
        .await?
        .into_inner()
        .row
        .context("no row in the reply")?;
    ensure!(
        row.state() == RowState::Good,
        "the mended row is {:?}: {:?}",
        row.state(),
        row.problems
    );
    Ok(())
}

/// Follows a commit to its end, or until the suite is away.
pub(super) async fn watch(
    imports: &mut ImportServiceClient<Client>,
    import_id: &str,
    bar: &ProgressBar,
) -> Result<Import, Status> {
    let ask = WatchImportRequest {
        import_id: import_id.to_owned(),
    };
    let mut stream = imports.watch_import(ask).await?.into_inner();
    while let Some(seen) = stream.message().await? {
        let Some(import) = seen.import else { continue };
        bar.set_position(import.progress.unwrap_or_default().done.into());
        if import.state() != ImportState::Committing {
            return Ok(import);
        }
    }
    Err(Status::unavailable(
        "the stream ended before the commit did",
    ))
}

/// Calls again while the suite is away, as after a kill.
pub async fn again<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match call().await {
            Err(status) if is_away(&status) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            other => return other,
        }
    }
}

/// Whether the suite does not answer, as after a kill; also where it broke off
/// in the middle of an answer, which no status of a server tells.
pub(super) fn is_away(status: &Status) -> bool {
    let broken_off = std::error::Error::source(status).is_some();
    broken_off || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}
