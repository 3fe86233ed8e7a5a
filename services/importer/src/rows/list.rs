//! Lists the rows of an import.

use contract::{
    Id,
    importer::{Import, ListImportRowsRequest, ListImportRowsResponse, RowState},
};
use rpc::{Caller, Error};
use store::Page;

use super::view;
use crate::{
    Importer,
    db::{
        self,
        rows::{Filter, OverSeats},
    },
    imports, seats,
};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: ListImportRowsRequest,
) -> Result<ListImportRowsResponse, Error> {
    let (tenant, id) = (
        caller.tenant()?.uuid(),
        ask.import_id.parse::<Id<Import>>()?.uuid(),
    );
    let states: Vec<String> = ask.states().filter_map(name).collect();
    let fit = format!("{id} {} {}", states.join(","), ask.over_seats);
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListImportRows",
        ask.page_size,
        &ask.page_token,
        fit.as_bytes(),
    )?;
    let at = page
        .after()
        .and_then(|key| key.first())
        .map(|line| line.parse())
        .transpose()?;

    let mut tx = app.store.read(caller).await?;
    let import = db::imports::find(&mut tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    let over = if imports::in_review(&import) {
        Some(
            seats::of_tenant(app, caller)
                .await?
                .over(&mut tx, tenant, id)
                .await?,
        )
    } else {
        None
    };
    let over_seats = ask
        .over_seats
        .then(|| over.clone().unwrap_or_else(OverSeats::none));
    let filter = Filter { states, over_seats };
    let lines = if page.backward() {
        db::rows::before(
            &mut tx,
            tenant,
            id,
            &filter,
            at.unwrap_or(i32::MAX),
            page.limit(),
        )
        .await?
    } else {
        db::rows::after(&mut tx, tenant, id, &filter, at.unwrap_or(0), page.limit()).await?
    };
    let (lines, next_page_token, previous_page_token) =
        page.close(lines, |line| vec![line.to_string()]);
    let stored = db::rows::find_all(&mut tx, tenant, id, &lines).await?;
    let total_size = db::rows::count(&mut tx, tenant, id, &filter)
        .await?
        .cast_unsigned();
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

fn name(state: RowState) -> Option<String> {
    state
        .as_str_name()
        .strip_prefix("ROW_STATE_")
        .map(str::to_owned)
}
