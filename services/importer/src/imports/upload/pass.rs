//! The two passes over a file, on a thread of their own.

use std::{collections::HashMap, fs::File, sync::Arc};

use rpc::{Caller, Error};
use store::Tx;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};
use uuid::Uuid;

use crate::{
    Importer,
    db::{self, imports::Counts},
    people,
    reading::{self, Format, Row, Rules},
};

/// What is known of a file before any of it is written.
pub struct Known {
    pub format: Format,
    pub counts: Counts,
    /// The lines whose address belongs to a user, and to whom.
    existing: HashMap<u32, Uuid>,
}

/// The first pass: counts the rows, and asks which of them are users.
pub async fn know(
    app: &Importer,
    caller: &Caller,
    file: File,
    rules: Arc<Rules>,
) -> Result<Known, Error> {
    let (mut chunks, reader) = pass(file, rules);
    let (mut counts, mut existing) = (Counts::default(), HashMap::new());
    while let Some(rows) = chunks.recv().await {
        let address = |row: &Row| row.judged.fields.email.to_ascii_lowercase();
        let users = people::existing(app, caller, rows.iter().map(address).collect()).await?;
        for row in &rows {
            let user = users.get(&address(row));
            counts.add(db::rows::state(row), user.is_some(), 1);
            existing.extend(user.map(|user| (row.line, *user)));
        }
    }
    Ok(Known {
        format: reader.await??,
        counts,
        existing,
    })
}

/// The second pass: writes the rows as they come.
pub async fn write(
    tx: &mut Tx,
    tenant: Uuid,
    import: Uuid,
    file: File,
    rules: Arc<Rules>,
    known: &Known,
) -> Result<(), Error> {
    let (mut chunks, reader) = pass(file, rules);
    while let Some(rows) = chunks.recv().await {
        db::rows::insert(tx, tenant, import, &rows, &known.existing).await?;
    }
    reader.await??;
    Ok(())
}

/// Reads the file from its start. It ends where nobody takes the rows any more.
fn pass(
    mut file: File,
    rules: Arc<Rules>,
) -> (mpsc::Receiver<Vec<Row>>, JoinHandle<Result<Format, Error>>) {
    let (hand, chunks) = mpsc::channel(2);
    let reader = spawn_blocking(move || {
        reading::read(&mut file, &rules, &mut |rows| {
            hand.blocking_send(rows).is_ok()
        })
    });
    (chunks, reader)
}
