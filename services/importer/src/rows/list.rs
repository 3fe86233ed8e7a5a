//! Lists the rows of an import.

use contract::{
    Id,
    importer::{Import, ListImportRowsRequest, ListImportRowsResponse, RowState},
};
use rpc::{Caller, Error};
use store::Tx;
use uuid::Uuid;

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
    let tenant = caller.tenant()?.uuid();
    let id = ask.import_id.parse::<Id<Import>>()?.uuid();
    let page = app.store.page(caller, &ask)?;
    let after = page.part(0)?;
    let mut tx = app.store.read(caller).await?;
    let over = over_seats(app, caller, &mut tx, id).await?;
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

/// The rows over the seats; `None` after the review, when they are no more
/// counted.
async fn over_seats(
    app: &Importer,
    caller: &Caller,
    tx: &mut Tx,
    id: Uuid,
) -> Result<Option<OverSeats>, Error> {
    let tenant = caller.tenant()?.uuid();
    let import = db::imports::find(tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    if !imports::in_review(&import) {
        return Ok(None);
    }
    let seats = seats::of_tenant(app, caller).await?;
    Ok(Some(seats.over(tx, tenant, id).await?))
}

fn name(state: RowState) -> Option<String> {
    state
        .as_str_name()
        .strip_prefix("ROW_STATE_")
        .map(str::to_owned)
}
