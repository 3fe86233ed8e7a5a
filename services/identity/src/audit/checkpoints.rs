//! Makes checkpoints by the clock, and puts them where Postgres cannot reach:
//! into the log, and into a file where one is configured.

use std::path::Path;

use rpc::Error;
use tokio::{fs::OpenOptions, io::AsyncWriteExt as _};

use crate::{
    Identity, db,
    db::{audit_checkpoints::Made, audit_heads::Row as Head},
    reflect,
};

/// The most checkpoints in one transaction.
const BATCH: i64 = 100;

/// Makes a checkpoint of every trail that went on since the last one.
pub async fn run(app: &Identity) -> Result<(), Error> {
    while batch(app).await? {}
    Ok(())
}

/// False where there are no more.
async fn batch(app: &Identity) -> Result<bool, Error> {
    let mut tx = app.store.worker().await?;
    let made = db::audit_checkpoints::make(&mut tx, BATCH).await?;
    let lines = lines(app, &made)?;
    // Before the commit: one that is told twice does no harm, and one that is
    // never told does.
    if let Some(path) = &app.audit_checkpoint_file {
        append(path, &lines).await?;
    }
    for checkpoint in &lines {
        tracing::info!(checkpoint, "audit checkpoint");
    }
    tx.done().await?;
    Ok(i64::try_from(made.len())? == BATCH)
}

/// Each as a line of protobuf JSON.
fn lines(app: &Identity, made: &[Made]) -> Result<Vec<String>, Error> {
    let line = |made: &Made| {
        let head = Head {
            sequence: made.sequence,
            hash: made.hash.clone(),
            seal_time: made.seal_time,
            signature: made.signature.clone(),
        };
        let checkpoint = app.sealer.checkpoint(made.tenant_id, &head);
        Ok(reflect::json(&reflect::message(&checkpoint)?)?.to_string())
    };
    made.iter().map(line).collect()
}

async fn append(path: &Path, lines: &[String]) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .await?;
    let text: String = lines
        .iter()
        .flat_map(|line| [line.as_str(), "\n"])
        .collect();
    file.write_all(text.as_bytes()).await?;
    file.sync_data().await?;
    Ok(())
}
