//! Streams a CSV file with every row and its outcome.

use contract::{
    Id,
    importer::{DownloadImportResultRequest, DownloadImportResultResponse, Import},
};
use rpc::{Caller, Error};
use store::Store;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::Answers;
use crate::{
    Importer, db,
    db::rows::{Filter, Row},
    formula, imports, rows,
};

/// Rows in a piece of the file.
const PIECE: i64 = 500;

const HEADER: [&str; 11] = [
    "Line",
    "Email",
    "First Name",
    "Last Name",
    "Role",
    "Default Group",
    "State",
    "Problems",
    "Outcome",
    "User ID",
    "Failure",
];

type Answer = Result<DownloadImportResultResponse, Status>;

pub async fn run(
    app: &Importer,
    caller: Caller,
    ask: DownloadImportResultRequest,
) -> Result<Answers<DownloadImportResultResponse>, Error> {
    let id: Id<Import> = ask.import_id.parse()?;
    let mut tx = app.store.read(&caller).await?;
    let there = db::imports::find(&mut tx, caller.tenant()?.uuid(), id.uuid()).await?;
    tx.done().await?;
    there.ok_or_else(imports::not_found)?;

    let (answers, stream) = mpsc::channel(2);
    let store = app.store.clone();
    tokio::spawn(async move {
        if let Err(error) = write(&store, &caller, id.uuid(), &answers).await {
            let _ = answers.send(Err(error.into())).await;
        }
    });
    Ok(Box::pin(ReceiverStream::new(stream)))
}

/// Writes piece after piece, as fast as the caller takes them.
async fn write(
    store: &Store,
    caller: &Caller,
    import: Uuid,
    answers: &mpsc::Sender<Answer>,
) -> Result<(), Error> {
    let tenant = caller.tenant()?.uuid();
    let mut line = 0;
    let mut piece = csv_of(|writer| writer.write_record(HEADER))?;
    loop {
        if answers
            .send(Ok(DownloadImportResultResponse { chunk: piece }))
            .await
            .is_err()
        {
            return Ok(());
        }
        let mut tx = store.read(caller).await?;
        let lines =
            db::rows::after(&mut tx, tenant, import, &Filter::default(), line, PIECE).await?;
        let rows = db::rows::find_all(&mut tx, tenant, import, &lines).await?;
        tx.done().await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        line = last.line;
        piece = csv_of(|writer| {
            rows.iter()
                .try_for_each(|row| writer.write_record(record(row)))
        })?;
    }
}

fn csv_of(
    fill: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>,
) -> Result<Vec<u8>, Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    fill(&mut writer)?;
    writer
        .into_inner()
        .map_err(|error| Error::fault_of(error.into_error()))
}

fn record(row: &Row) -> [String; 11] {
    let problems: Vec<String> = rows::problems(row)
        .into_iter()
        .map(|problem| {
            format!("{} {}", problem.field, problem.description)
                .trim()
                .to_owned()
        })
        .collect();
    [
        row.line.to_string(),
        row.email.clone(),
        row.first_name.clone(),
        row.last_name.clone(),
        row.role.clone(),
        if row.default_group { "TRUE" } else { "FALSE" }.to_owned(),
        row.state.clone(),
        problems.join("; "),
        row.outcome.clone().unwrap_or_default(),
        row.user_id.map(|id| id.to_string()).unwrap_or_default(),
        row.failure.clone(),
    ]
    .map(formula::neutralised)
}
