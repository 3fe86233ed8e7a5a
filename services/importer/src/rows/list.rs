//! Lists the rows of an import.

use contract::{
    Id,
    importer::{self, ListImportRowsRequest, ListImportRowsResponse, RowState},
};
use rpc::{Caller, Error};
use store::Tx;
use uuid::Uuid;

use super::view;
use crate::{
    Importer,
    db::{
        self,
        imports::Import,
        rows::{Filter, OverSeats},
    },
    imports, seats,
};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: ListImportRowsRequest,
) -> Result<ListImportRowsResponse, Error> {
    let tenant = caller.tenant()?.uuid();
    let id = ask.import_id.parse::<Id<importer::Import>>()?.uuid();
    let page = app.store.page(caller, &ask)?;
    let after = page.part(0)?;
    let mut tx = app.store.read(caller).await?;
    let import = find(&mut tx, tenant, id).await?;
    tx.done().await?;
    let seats = if imports::in_review(&import) {
        Some(seats::of_tenant(app, caller).await?)
    } else {
        None
    };

    let mut tx = app.store.read(caller).await?;
    let import = find(&mut tx, tenant, id).await?;
    // After the review they are no more counted.
    let over = match &seats {
        Some(seats) => Some(seats.over(&mut tx, tenant, &import).await?),
        None => None,
    };
    let filter = Filter {
        states: ask.states().filter_map(name).collect(),
        over_seats: ask
            .over_seats
            .then(|| over.clone().unwrap_or_else(OverSeats::none)),
    };
    let (backward, limit) = (page.backward(), page.limit());
    let lines = db::rows::page(&mut tx, tenant, id, &filter, after, backward, limit).await?;
    let (lines, next_page_token, previous_page_token) =
        page.close(lines, |line| vec![line.to_string()]);
    let stored = db::rows::find_all(&mut tx, tenant, id, &lines).await?;
    let total_size = total_size(&mut tx, tenant, &import, &filter).await?;
    tx.done().await?;
    let rows = stored
        .into_iter()
        .map(|row| view::row(row, over.as_ref()))
        .collect();
    Ok(ListImportRowsResponse {
        rows,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

async fn find(tx: &mut Tx, tenant: Uuid, id: Uuid) -> Result<Import, Error> {
    let import = db::imports::find(tx, tenant, id).await?;
    import.ok_or_else(imports::not_found)
}

/// How many rows fit. By their states alone they are counted already.
async fn total_size(
    tx: &mut Tx,
    tenant: Uuid,
    import: &Import,
    filter: &Filter,
) -> Result<u64, Error> {
    if filter.over_seats.is_some() {
        let counted = db::rows::count(tx, tenant, import.id, filter).await?;
        return Ok(counted.cast_unsigned());
    }
    let counts = imports::counts(import);
    let of = |state: &String| match state.as_str() {
        "GOOD" => counts.good,
        "FLAGGED" => counts.flagged,
        "WRONG" => counts.wrong,
        "DUPLICATE" => counts.duplicate,
        "BLANK" => counts.blank,
        _ => counts.dropped,
    };
    Ok(if filter.states.is_empty() {
        counts.total.into()
    } else {
        filter.states.iter().map(|state| u64::from(of(state))).sum()
    })
}

fn name(state: RowState) -> Option<String> {
    state
        .as_str_name()
        .strip_prefix("ROW_STATE_")
        .map(str::to_owned)
}
