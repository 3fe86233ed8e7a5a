//! How imports and their rows look.

use contract::importer::{
    Import, ImportProgress, ImportRow, ListImportRowsRequest, ListImportsRequest, RowState,
    WatchImportRequest, import_service_client::ImportServiceClient,
};

use crate::{
    Session,
    failure::Failure,
    pages::{Limit, list},
    print::{time, word, yes},
};

const COMMITTING: &str = "{wide_bar} {pos}/{len} rows · {msg}";

/// What a row is.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum State {
    /// Nothing to say against.
    Good,
    /// The role is unknown.
    Flagged,
    /// A rule is broken.
    Wrong,
    /// The address stands in an earlier row.
    Duplicate,
    /// Nothing in it.
    Blank,
    /// Dropped by a caller.
    Dropped,
}

fn state(import: &Import) -> String {
    word(import.state().as_str_name(), "IMPORT_STATE_")
}

/// One import.
pub fn import(session: &Session, import: &Import) -> Result<(), Failure> {
    let counts = import.counts.unwrap_or_default();
    let progress = import.progress.unwrap_or_default();
    let format = import.format.clone().unwrap_or_default();
    let delimiter = if format.delimiter == "\t" {
        "tab".to_owned()
    } else {
        format!("\"{}\"", format.delimiter)
    };
    let unknown = import
        .unknown_roles
        .iter()
        .map(|role| format!("{} ({} rows)", role.name, role.rows));
    let some = |count: u32| {
        if count == 0 {
            String::new()
        } else {
            count.to_string()
        }
    };
    let fields = [
        ("ID", import.id.clone()),
        ("File", import.file_name.clone()),
        (
            "Read as",
            format!("{}, fields parted by {delimiter}", format.encoding),
        ),
        ("State", state(import)),
        ("Rows", counts.total.to_string()),
        ("  good", counts.good.to_string()),
        ("  flagged", some(counts.flagged)),
        ("  wrong", some(counts.wrong)),
        ("  duplicate", some(counts.duplicate)),
        ("  blank", some(counts.blank)),
        ("  dropped", some(counts.dropped)),
        ("Would be users", counts.users.to_string()),
        ("  exist already", some(counts.existing)),
        ("  over the seats", some(counts.over_seats)),
        ("Unknown roles", unknown.collect::<Vec<_>>().join(", ")),
        (
            "Done",
            if progress.total == 0 {
                String::new()
            } else {
                outcome(&progress)
            },
        ),
        ("Failure", import.failure.clone()),
        ("Uploaded", time(import.create_time.as_ref())),
        ("Ended", time(import.end_time.as_ref())),
        ("Etag", import.etag.clone()),
    ];
    session.print.one(import, &fields)
}

fn outcome(progress: &ImportProgress) -> String {
    let ImportProgress {
        total,
        done,
        created,
        skipped,
        failed,
        ..
    } = progress;
    format!("{done} of {total}: {created} created, {skipped} skipped, {failed} failed")
}

/// Imports, newest first.
pub async fn imports(session: &Session, limit: Limit) -> Result<(), Failure> {
    let client = ImportServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_imports(ListImportsRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let listed = list(limit, ask, |page| {
        (page.imports, page.next_page_token, page.total_size)
    })
    .await?;
    session.print.many(
        &listed,
        ["File", "State", "Rows", "Done", "Uploaded", "ID"],
        |import: &Import| {
            [
                import.file_name.clone(),
                state(import),
                import.counts.unwrap_or_default().total.to_string(),
                import.progress.unwrap_or_default().done.to_string(),
                time(import.create_time.as_ref()),
                import.id.clone(),
            ]
        },
    )
}

fn row_state(row: &ImportRow) -> String {
    word(row.state().as_str_name(), "ROW_STATE_")
}

fn problems(row: &ImportRow) -> String {
    let problems = row
        .problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.description));
    let more = [
        (row.existing, "exists already"),
        (row.over_seats, "over the seats"),
    ];
    let more = more
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, what)| what.to_owned());
    let failure = Some(row.failure.clone()).filter(|failure| !failure.is_empty());
    problems
        .chain(more)
        .chain(failure)
        .map(|text| text.trim().to_owned())
        .collect::<Vec<_>>()
        .join("; ")
}

/// One row.
pub fn row(session: &Session, row: &ImportRow) -> Result<(), Failure> {
    let fields = [
        ("Line", row.line.to_string()),
        ("State", row_state(row)),
        ("Problems", problems(row)),
        ("Email", row.email.clone()),
        ("First name", row.first_name.clone()),
        ("Last name", row.last_name.clone()),
        ("Role", row.role.clone()),
        ("Default group", yes(row.default_group)),
    ];
    session.print.one(row, &fields)
}

/// Rows, in the order of the file.
pub async fn rows(
    session: &Session,
    import_id: String,
    states: Vec<State>,
    over_seats: bool,
    limit: Limit,
) -> Result<(), Failure> {
    let states = states.into_iter().map(|state| match state {
        State::Good => RowState::Good.into(),
        State::Flagged => RowState::Flagged.into(),
        State::Wrong => RowState::Wrong.into(),
        State::Duplicate => RowState::Duplicate.into(),
        State::Blank => RowState::Blank.into(),
        State::Dropped => RowState::Dropped.into(),
    });
    let only = ListImportRowsRequest {
        import_id,
        states: states.collect(),
        over_seats,
        ..Default::default()
    };
    let client = ImportServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListImportRowsRequest {
            page_size,
            page_token,
            ..only.clone()
        };
        async move { client.list_import_rows(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.rows, page.next_page_token, page.total_size)
    })
    .await?;
    let header = [
        "Line",
        "State",
        "Email",
        "First name",
        "Last name",
        "Role",
        "Group",
        "Outcome",
        "Problems",
    ];
    session.print.many(&listed, header, |row: &ImportRow| {
        let outcome = word(row.outcome().as_str_name(), "ROW_OUTCOME_").replace("unspecified", "");
        [
            row.line.to_string(),
            row_state(row),
            row.email.clone(),
            row.first_name.clone(),
            row.last_name.clone(),
            row.role.clone(),
            yes(row.default_group),
            outcome,
            problems(row),
        ]
    })
}

/// A progress bar until the commit ends, then the import.
pub async fn watch(session: &Session, import_id: String) -> Result<(), Failure> {
    let mut client = ImportServiceClient::new(session.client.gateway());
    let bar = session.print.bar(0, COMMITTING);
    let mut last = Import::default();
    // A stream lasts some minutes; a commit may last longer.
    while last.end_time.is_none() {
        let ask = WatchImportRequest {
            import_id: import_id.clone(),
        };
        let mut changes = client.watch_import(ask).await?.into_inner();
        while let Some(change) = changes.message().await? {
            last = change.import.unwrap_or_default();
            let progress = last.progress.unwrap_or_default();
            bar.set_length(progress.total.into());
            bar.set_position(progress.done.into());
            bar.set_message(format!(
                "{:.0} rows/s · {} s left",
                progress.rows_per_second, progress.seconds_left
            ));
        }
    }
    bar.finish_and_clear();
    import(session, &last)
}
