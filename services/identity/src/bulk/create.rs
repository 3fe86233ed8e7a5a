//! Begins an operation: freezes whom it is about. The worker does it.

use contract::{
    Id,
    identity::{
        BulkOperationCreated, CreateBulkOperationRequest, CreateBulkOperationResponse, ErrorReason,
        Event, Tenant, create_bulk_operation_request::Users,
    },
};
use rpc::{Because as _, Caller, Error};
use store::Tx;
use uuid::Uuid;

use super::action;
use crate::{Identity, db, db::bulk_operations::New, directory, users::list};

/// The most users of an operation.
const MOST_USERS: usize = 10_000;
/// The most operations of a tenant that run at the same time.
const MOST_RUNNING: i64 = 10;
/// The most operations of a tenant that are kept: a million results.
const MOST_KEPT: i64 = 100;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: CreateBulkOperationRequest,
) -> Result<CreateBulkOperationResponse, Error> {
    let tenant = caller.tenant()?;
    action::demand(app, caller, ask.action()).await?;
    if let Some(Users::Filter(filter)) = &ask.users {
        directory::wait_for(app, caller, &filter.at_least_revision).await?;
    }
    let mut tx = app.store.begin(caller, &ask).await?;
    if let Some(reply) = tx.replay()? {
        return Ok(reply);
    }
    let users = users(&mut tx, tenant, &ask).await?;
    let new = New {
        id: Id::new(),
        action: action::name(ask.action()),
        user: caller.user()?,
        home: caller.home.unwrap_or(tenant),
        address: caller.address,
        total: i32::try_from(users.len())?,
    };
    if !db::bulk_operations::insert(&mut tx, tenant, &new, MOST_RUNNING).await? {
        let why = format!("{MOST_RUNNING} bulk operations are running");
        return Err(ErrorReason::TooManyBulkOperations.because(why));
    }
    db::bulk_results::insert(&mut tx, tenant, new.id, &users).await?;
    db::bulk_operations::keep(&mut tx, tenant, MOST_KEPT).await?;
    let row = db::bulk_operations::get(&mut tx, tenant, new.id).await?;
    tx.publish(Event::from(BulkOperationCreated {
        bulk_operation_id: new.id.to_string(),
        action: ask.action,
        total: super::count(new.total),
    }));
    let begun = app.bulk_begun.clone();
    tx.after_commit(move || begun.notify_one());
    tx.commit(CreateBulkOperationResponse {
        bulk_operation: row.map(Into::into),
    })
    .await
}

/// Whom it is about.
async fn users(
    tx: &mut Tx,
    tenant: Id<Tenant>,
    ask: &CreateBulkOperationRequest,
) -> Result<Vec<Uuid>, Error> {
    match &ask.users {
        Some(Users::Named(named)) => {
            let ids = named.user_ids.iter().map(|id| id.parse());
            Ok(ids.collect::<Result<_, _>>()?)
        }
        Some(Users::Filter(filter)) => {
            let users = list::ids(tx, tenant, filter, MOST_USERS + 1).await?;
            if users.len() > MOST_USERS {
                let why = format!("more than {MOST_USERS} users fit the filter");
                return Err(ErrorReason::TooManyUsers.because(why));
            }
            Ok(users)
        }
        None => Err(Error::field("users", "must name users or a filter")),
    }
}
