//! Step 2: the file, its review, its commit.

mod calls;
mod known;

use anyhow::{Context, Result, ensure};
use contract::importer::{
    CommitImportRequest, Import, ImportState, MapImportRoleRequest, RowState,
    import_service_client::ImportServiceClient,
};

use super::{Company, Steps};
pub use calls::{again, rows, upload};
use calls::{fix, get, is_away, watch};
use known::{compare, compare_rows, expected, number};

/// The seats after the operator was asked for more.
const MORE_SEATS: u32 = 250;

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
            ..Default::default()
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
