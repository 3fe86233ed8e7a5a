//! Lists the devices of a user, newest first.

use chrono::DateTime;
use contract::identity::{ListDevicesRequest, ListDevicesResponse};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{Identity, db, total, users};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListDevicesRequest,
) -> Result<ListDevicesResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    let page = app.store.page(caller, &ask)?;
    let time = page.part(0)?.and_then(DateTime::from_timestamp_micros);
    let place = time.zip(page.part::<Uuid>(1)?);

    let mut tx = app.store.tenant(tenant, caller).await?;
    if db::users::email(&mut tx, tenant, user).await?.is_none() {
        return Err(users::not_found());
    }
    let (backward, limit) = (page.backward(), page.limit());
    let rows = db::devices::list(&mut tx, tenant, user, place, backward, limit).await?;
    let total_size = total(db::devices::count(&mut tx, tenant, user).await?);
    let (rows, next_page_token, previous_page_token) = page.close(rows, |row| {
        vec![
            row.create_time.timestamp_micros().to_string(),
            row.id.to_string(),
        ]
    });
    Ok(ListDevicesResponse {
        devices: rows.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size,
    })
}
