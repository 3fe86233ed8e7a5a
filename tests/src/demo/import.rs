//! Step 2: the file, its review, its commit.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, ensure};
use contract::importer::{
    CommitImportRequest, GetImportRequest, Import, ImportRow, ImportState, ListImportRowsRequest,
    MapImportRoleRequest, RowState, UpdateImportRowRequest, UploadHeader, UploadImportRequest,
    WatchImportRequest, import_service_client::ImportServiceClient, upload_import_request::Part,
};
use indicatif::ProgressBar;
use serde_json::Value;
use testkit::Client;
use tonic::{Code, Status};

use super::{Company, Steps};

/// The seats after the operator was asked for more.
const MORE_SEATS: u32 = 250;
/// How long the demo waits for a suite that is being started again.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

/// Uploads the file, compares the preview with what is known of the file, and
/// mends what can be mended.
pub async fn review(company: &Company, steps: &Steps) -> Result<Import> {
    let expected = expected()?;
    let mut imports = ImportServiceClient::new(company.admin.client.clone());
    let import = upload(&company.admin.client, "people.csv").await?;
    compare(&import, &expected)?;
    compare_rows(&company.admin.client, &import.id, &expected).await?;
    let counts = import.counts.context("an import without counts")?;
    steps.note(&format!(
        "{} rows: {} good, {} flagged, {} wrong, {} duplicate, {} blank; {} over the seats",
        counts.total,
        counts.good,
        counts.flagged,
        counts.wrong,
        counts.duplicate,
        counts.blank,
        counts.over_seats
    ));
    ensure!(
        counts.over_seats == 32,
        "32 rows should be over the seats, not {}",
        counts.over_seats
    );

    let wrong = rows(&company.admin.client, &import.id, &[RowState::Wrong]).await?;
    fix(
        &mut imports,
        &import.id,
        wrong.first().context("no wrong row")?,
    )
    .await?;
    for unknown in &import.unknown_roles {
        let ask = MapImportRoleRequest {
            import_id: import.id.clone(),
            name: unknown.name.clone(),
            role_id: company.roles["standard user"].clone(),
        };
        imports
            .map_import_role(ask)
            .await
            .with_context(|| format!("mapping {:?}", unknown.name))?;
    }
    company.set_seats(MORE_SEATS).await?;
    let import = get(&mut imports, &import.id).await?;
    let counts = import.counts.context("an import without counts")?;
    ensure!(
        counts.flagged == 0,
        "every role was mapped, yet {} rows are flagged",
        counts.flagged
    );
    ensure!(
        counts.over_seats == 0,
        "with {MORE_SEATS} seats none is missing, yet {}",
        counts.over_seats
    );
    ensure!(
        u64::from(counts.users) == number(&expected, "users")? + 1,
        "one row was mended, yet {}",
        counts.users
    );
    Ok(import)
}

/// Commits and follows the progress to its end, through restarts of the suite.
pub async fn commit(company: &Company, import: &Import, steps: &Steps) -> Result<()> {
    let mut imports = ImportServiceClient::new(company.admin.client.clone());
    let ask = CommitImportRequest {
        import_id: import.id.clone(),
        etag: import.etag.clone(),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let begin = || {
        let (mut imports, ask) = (imports.clone(), ask.clone());
        async move { imports.commit_import(ask).await }
    };
    again(begin).await?;
    let users = import.counts.context("an import without counts")?.users;
    let bar = steps.bar(users.into());
    let done = loop {
        match watch(&mut imports, &import.id, &bar).await {
            Ok(import) => break import,
            Err(status) if is_away(&status) => {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            Err(status) => return Err(status.into()),
        }
    };
    bar.finish_and_clear();
    let progress = done.progress.context("an import without progress")?;
    ensure!(
        done.state() == ImportState::Done,
        "the commit ended as {:?}: {}",
        done.state(),
        done.failure
    );
    ensure!(
        (progress.created, progress.skipped, progress.failed) == (users, 0, 0),
        "{users} rows should become users: {progress:?}"
    );
    Ok(())
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

/// Calls again while the suite is away, as after a kill.
pub async fn again<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match call().await {
            Err(status) if is_away(&status) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            other => return other,
        }
    }
}

fn is_away(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

async fn watch(
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

async fn get(imports: &mut ImportServiceClient<Client>, import_id: &str) -> Result<Import> {
    let reply = imports
        .get_import(GetImportRequest {
            import_id: import_id.to_owned(),
        })
        .await?;
    reply.into_inner().import.context("no import in the reply")
}

async fn fix(
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

fn compare(import: &Import, expected: &Value) -> Result<()> {
    let counts = import.counts.context("an import without counts")?;
    let seen = [
        ("good", counts.good),
        ("flagged", counts.flagged),
        ("wrong", counts.wrong),
        ("duplicate", counts.duplicate),
        ("blank", counts.blank),
        ("users", counts.users),
    ];
    for (name, seen) in seen {
        let wanted = number(expected, name)?;
        ensure!(
            u64::from(seen) == wanted,
            "{name}: {wanted} expected, the preview says {seen}"
        );
    }
    Ok(())
}

/// Row for row: every row that is not good, and no other.
async fn compare_rows(client: &Client, import_id: &str, expected: &Value) -> Result<()> {
    let states = [
        RowState::Flagged,
        RowState::Wrong,
        RowState::Duplicate,
        RowState::Blank,
    ];
    let seen: BTreeMap<u64, String> = rows(client, import_id, &states)
        .await?
        .iter()
        .map(|row| (row.line.into(), word(row.state())))
        .collect();
    let list = expected["not_good_lines"]
        .as_array()
        .context("the expected file lists no lines")?;
    let wanted: BTreeMap<u64, String> = list
        .iter()
        .filter_map(|pair| Some((pair[0].as_u64()?, pair[1].as_str()?.to_owned())))
        .collect();
    let wrong: Vec<_> = wanted
        .iter()
        .filter(|(line, state)| seen.get(*line) != Some(*state))
        .chain(seen.iter().filter(|(line, _)| !wanted.contains_key(*line)))
        .collect();
    ensure!(
        wrong.is_empty(),
        "lines judged otherwise than expected: {wrong:?}"
    );
    Ok(())
}

fn word(state: RowState) -> String {
    state
        .as_str_name()
        .trim_start_matches("ROW_STATE_")
        .to_lowercase()
}

/// What is known of `people.csv`.
pub fn expected() -> Result<Value> {
    let text = std::fs::read_to_string(data("people.expected.json"))
        .context("reading people.expected.json")?;
    Ok(serde_json::from_str(&text)?)
}

/// A number of the expected file.
pub fn number(expected: &Value, name: &str) -> Result<u64> {
    expected[name]
        .as_u64()
        .with_context(|| format!("the expected file does not say {name}"))
}

fn data(file_name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(file_name)
}
