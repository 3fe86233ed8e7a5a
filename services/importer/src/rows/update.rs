//! Fixes or drops one row; it, and those that it made duplicates, are judged
//! anew.

use contract::{
    Id,
    importer::{
        ErrorReason, Event, Import, ImportRowUpdated, UpdateImportRowRequest,
        UpdateImportRowResponse,
    },
};
use rpc::{Because as _, Caller, Error};
use store::Tx;
use uuid::Uuid;

use super::view;
use crate::{
    Importer,
    db::{self, imports::Counts, rows::Row},
    imports, people,
    reading::{Fields, Judged, Rules, judge},
    roles,
    seats::{self, Seats},
};

pub async fn run(
    app: &Importer,
    caller: &Caller,
    ask: UpdateImportRowRequest,
) -> Result<UpdateImportRowResponse, Error> {
    let (tenant, id) = (
        caller.tenant()?.uuid(),
        ask.import_id.parse::<Id<Import>>()?.uuid(),
    );
    let mut rules = Rules {
        roles: roles::of_tenant(app, caller).await?,
        domains: people::domains(app, caller).await?,
    };
    let seats = seats::of_tenant(app, caller).await?;
    let exists = exists(app, caller, &ask).await?;

    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let import = db::imports::lock(&mut tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    if !imports::in_review(&import) {
        return Err(imports::review_over());
    }
    let row = db::rows::find(&mut tx, tenant, id, ask.line.cast_signed())
        .await?
        .ok_or_else(row_not_found)?;
    let mapped = db::roles::all(&mut tx, tenant, id).await?;
    rules.roles = rules.roles.with_mapped(mapped);
    let new = New {
        judged: anew(&row, &ask, &rules),
        existing: exists.unwrap_or(row.user_id),
        dropped: ask.dropped.unwrap_or(row.verdict == "DROPPED"),
    };
    let by = store(&mut tx, tenant, id, &row, &new).await?;
    db::imports::shift(&mut tx, tenant, id, &by).await?;
    tx.publish(Event::from(ImportRowUpdated {
        import_id: ask.import_id,
        line: ask.line,
    }));
    let reply = reply(&mut tx, tenant, id, row.line, &seats).await?;
    tx.commit(reply).await
}

/// What a row becomes.
struct New {
    judged: Judged,
    /// To whom the address belongs.
    existing: Option<Uuid>,
    dropped: bool,
}

/// Stores the row, ranks those that have its address or had it, and answers what
/// that changes of the counts.
async fn store(tx: &mut Tx, tenant: Uuid, id: Uuid, row: &Row, new: &New) -> Result<Counts, Error> {
    let mut by = Counts::default();
    by.add(&row.state, row.existing, -1);
    let state = db::rows::update(
        tx,
        tenant,
        id,
        row.line,
        &new.judged,
        new.existing,
        new.dropped,
    )
    .await?;
    by.add(&state, new.existing.is_some(), 1);
    for address in [&row.email, &new.judged.fields.email] {
        for other in db::rows::rank(tx, tenant, id, address).await? {
            by.add(&other.before, other.existing, -1);
            by.add(&other.after, other.existing, 1);
        }
    }
    Ok(by)
}

fn row_not_found() -> Error {
    ErrorReason::RowNotFound.because("there is no row on this line")
}

/// To whom a new address belongs; `None` where it stays.
async fn exists(
    app: &Importer,
    caller: &Caller,
    ask: &UpdateImportRowRequest,
) -> Result<Option<Option<Uuid>>, Error> {
    let Some(email) = &ask.email else {
        return Ok(None);
    };
    let found = people::existing(app, caller, vec![email.trim().to_ascii_lowercase()]).await?;
    Ok(Some(found.into_values().next()))
}

fn anew(row: &Row, ask: &UpdateImportRowRequest, rules: &Rules) -> Judged {
    let text = |new: &Option<String>, old: &String| new.as_ref().unwrap_or(old).clone();
    let default_group = ask.default_group.unwrap_or(row.default_group);
    let fields = Fields {
        email: text(&ask.email, &row.email),
        first_name: text(&ask.first_name, &row.first_name),
        last_name: text(&ask.last_name, &row.last_name),
        role: text(&ask.role, &row.role),
        default_group: if default_group { "TRUE" } else { "" }.to_owned(),
    };
    // What was said of the row as such is seen to with any fix; of this column
    // the words are gone, so what was said of it stays until it is set.
    let stays = |field: &str| field == "default_group" && ask.default_group.is_none();
    let before = row.problems.iter().flat_map(|problems| problems.iter());
    judge(
        &fields,
        rules,
        before
            .filter(|problem| stays(&problem.field))
            .cloned()
            .collect(),
    )
}

async fn reply(
    tx: &mut Tx,
    tenant: Uuid,
    id: Uuid,
    line: i32,
    seats: &Seats,
) -> Result<UpdateImportRowResponse, Error> {
    let row = db::rows::find(tx, tenant, id, line)
        .await?
        .ok_or_else(row_not_found)?;
    let import = db::imports::find(tx, tenant, id)
        .await?
        .ok_or_else(imports::not_found)?;
    let over = seats.over(tx, tenant, &import).await?;
    let import = imports::counted(tx, tenant, vec![import], seats).await?;
    Ok(UpdateImportRowResponse {
        row: Some(view::row(row, Some(&over))),
        import: import.into_iter().next(),
    })
}
