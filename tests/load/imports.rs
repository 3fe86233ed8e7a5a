//! An import beside the bare copying of the same users.

use std::{fmt::Write, time::Instant};

use anyhow::{Context, Result, ensure};
use contract::importer::{
    CommitImportRequest, ImportState, UploadHeader, UploadImportRequest, WatchImportRequest,
    import_service_client::ImportServiceClient, upload_import_request::Part,
};
use testkit::Client;

use crate::{
    Flags,
    fleet::Fleet,
    table::{Row, Table, median},
};

/// Rows of one import.
const ROWS: usize = 5_000;

/// Rows per second from upload to the last invited user, without mails, beside
/// `COPY` into a table with the same indexes.
pub async fn measure(fleet: &Fleet, flags: &Flags, table: &mut Table) -> Result<()> {
    let name = format!("import of {ROWS} rows, upload to last user");
    if !table.wants(&name) {
        return Ok(());
    }
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..flags.rounds {
        ours.push(import(&fleet.admin, round).await?);
        raw.push(copy(fleet, round).await?);
    }
    table.add(Row {
        name,
        ours: median(ours),
        reference: median(raw),
        reference_name: "COPY of the same users, same indexes",
        goal: "",
        unit: "rows/s",
    });
    Ok(())
}

async fn import(admin: &Client, round: usize) -> Result<f64> {
    let mut file = String::from("Email,First Name,Last Name,Role,Default Group\n");
    for row in 0..ROWS {
        writeln!(
            file,
            "p{row}@round{round}.example,First{row},Last{row},standard user,TRUE"
        )?;
    }
    let begun = Instant::now();
    let header = UploadHeader {
        file_name: "bench.csv".into(),
        ..Default::default()
    };
    let mut parts = vec![UploadImportRequest {
        part: Some(Part::Header(header)),
    }];
    parts.extend(
        file.as_bytes()
            .chunks(64 * 1024)
            .map(|c| UploadImportRequest {
                part: Some(Part::Chunk(c.to_vec())),
            }),
    );
    let mut imports = ImportServiceClient::new(admin.clone());
    let uploaded = imports
        .upload_import(tokio_stream::iter(parts))
        .await?
        .into_inner();
    let import_id = uploaded.import.context("an import")?.id;
    let commit = CommitImportRequest {
        import_id: import_id.clone(),
        without_mails: true,
        ..Default::default()
    };
    imports.commit_import(commit).await?;
    let mut seen = imports
        .watch_import(WatchImportRequest { import_id })
        .await?
        .into_inner();
    while let Some(now) = seen.message().await? {
        let import = now.import.context("an import")?;
        if import.state() == ImportState::Done {
            let created = import.progress.unwrap_or_default().created as usize;
            ensure!(created == ROWS, "{created} of {ROWS} rows became users");
            return Ok(ROWS as f64 / begun.elapsed().as_secs_f64());
        }
    }
    anyhow::bail!("the import did not end")
}

async fn copy(fleet: &Fleet, round: usize) -> Result<f64> {
    let mut db = fleet.database.connect().await;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS public.bench_users (LIKE identity.users INCLUDING ALL)",
    )
    .execute(&mut db)
    .await?;
    sqlx::query("TRUNCATE public.bench_users")
        .execute(&mut db)
        .await?;
    let mut rows = String::new();
    for row in 0..ROWS {
        let id = contract::Id::<contract::identity::User>::new();
        let email = format!("p{row}@round{round}.example");
        let (first, last) = (format!("First{row}"), format!("Last{row}"));
        let key = format!("{last} {first} {email}").to_lowercase();
        writeln!(
            rows,
            "{}\t{id}\t{first}\t{last}\t{email}\t{email}\ten\t{email}\t{email}\t{key}",
            fleet.tenant_id
        )?;
    }
    let begun = Instant::now();
    let sql = "COPY public.bench_users (tenant_id, id, first_name, last_name, email, username, \
               language, username_key, email_key, sort_key) FROM STDIN";
    let mut copy = db.copy_in_raw(sql).await?;
    copy.send(rows.as_bytes()).await?;
    let copied = copy.finish().await?;
    ensure!(copied == ROWS as u64, "{copied} rows were copied");
    Ok(ROWS as f64 / begun.elapsed().as_secs_f64())
}
