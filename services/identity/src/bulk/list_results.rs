//! Lists what became of the users of an operation.

use contract::identity::{
    BulkOperation, BulkOutcome, ListBulkResultsRequest, ListBulkResultsResponse,
};
use rpc::{Caller, Error};

use crate::{Identity, db};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListBulkResultsRequest,
) -> Result<ListBulkResultsResponse, Error> {
    let (tenant, id) = (caller.tenant()?, ask.bulk_operation_id.parse()?);
    let page = app.store.page(caller, &ask)?;
    let outcomes: Vec<BulkOutcome> = ask.outcomes().collect();
    let mut tx = app.store.read(caller).await?;
    let operation = db::bulk_operations::get(&mut tx, tenant, id)
        .await?
        .ok_or_else(super::not_found)?;
    let rows = db::bulk_results::list(
        &mut tx,
        tenant,
        id,
        &names(&outcomes),
        page.part(0)?.unwrap_or_default(),
        page.backward(),
        page.limit(),
    )
    .await?;
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.place.to_string()]);
    Ok(ListBulkResultsResponse {
        results: rows.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size: total(&operation.into(), &outcomes),
    })
}

fn names(outcomes: &[BulkOutcome]) -> Vec<String> {
    let name = |outcome: &BulkOutcome| outcome.as_str_name().replace("BULK_OUTCOME_", "");
    outcomes.iter().map(name).collect()
}

/// Known without counting.
fn total(operation: &BulkOperation, outcomes: &[BulkOutcome]) -> u64 {
    let progress = operation.progress.unwrap_or_default();
    let of = |outcome: &BulkOutcome| match outcome {
        BulkOutcome::Unspecified => 0,
        BulkOutcome::Done => progress.done,
        BulkOutcome::Skipped => progress.skipped,
        BulkOutcome::Refused => progress.refused,
    };
    if outcomes.is_empty() {
        progress.total.into()
    } else {
        outcomes.iter().map(|outcome| u64::from(of(outcome))).sum()
    }
}
