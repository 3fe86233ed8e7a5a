//! The two passes over a file, on a thread of their own.

use std::{collections::HashSet, fs::File, sync::Arc};

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
    reading::{self, Format, Roles, Row},
};

/// What is known of a file before any of it is written.
pub struct Known {
    pub format: Format,
    pub counts: Counts,
    /// The lines whose address belongs to a user.
    existing: HashSet<u32>,
}

/// The first pass: counts the rows, and asks which of them are users.
pub async fn know(
    app: &Importer,
    caller: &Caller,
    file: File,
    roles: Arc<Roles>,
) -> Result<Known, Error> {
    let (mut chunks, reader) = pass(file, roles);
    let (mut counts, mut existing) = (Counts::default(), HashSet::new());
    while let Some(rows) = chunks.recv().await {
        let address = |row: &Row| row.judged.fields.email.to_ascii_lowercase();
        let users = people::existing(app, caller, rows.iter().map(address).collect()).await?;
        for row in &rows {
            let exists = users.contains_key(&address(row));
            counts.add(db::rows::state(row), exists, 1);
            if exists {
                existing.insert(row.line);
            }
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
    roles: Arc<Roles>,
    known: &Known,
) -> Result<(), Error> {
    let (mut chunks, reader) = pass(file, roles);
    while let Some(rows) = chunks.recv().await {
        db::rows::insert(tx, tenant, import, &rows, &known.existing).await?;
    }
    reader.await??;
    Ok(())
}

/// Reads the file from its start. It ends where nobody takes the rows any more.
fn pass(
    mut file: File,
    roles: Arc<Roles>,
) -> (mpsc::Receiver<Vec<Row>>, JoinHandle<Result<Format, Error>>) {
    let (hand, chunks) = mpsc::channel(2);
    let reader = spawn_blocking(move || {
        reading::read(&mut file, &roles, &mut |rows| {
            hand.blocking_send(rows).is_ok()
        })
    });
    (chunks, reader)
}
