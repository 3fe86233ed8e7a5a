//! Lists the sessions of a user that hold, newest first.

use chrono::DateTime;
use contract::identity::{ListSessionsRequest, ListSessionsResponse};
use rpc::{Caller, Error};
use uuid::Uuid;

use crate::{Identity, db, total};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListSessionsRequest,
) -> Result<ListSessionsResponse, Error> {
    let (tenant, user) = caller.whose(&ask.user_id)?;
    let page = app.store.page(caller, &ask)?;
    let place = match page.after() {
        Some([micros, id]) => {
            let time = DateTime::from_timestamp_micros(micros.parse()?);
            time.zip(Some(id.parse::<Uuid>()?))
        }
        _ => None,
    };

    let mut tx = app.store.tenant(tenant, caller).await?;
    if db::users::email(&mut tx, tenant, user).await?.is_none() {
        return Err(crate::users::not_found());
    }
    let rows =
        db::sessions::list(&mut tx, tenant, user, place, page.backward(), page.limit()).await?;
    let total_size = total(db::sessions::count(&mut tx, tenant, user).await?);
    let (rows, next_page_token, previous_page_token) = page.close(rows, |row| {
        vec![
            row.create_time.timestamp_micros().to_string(),
            row.id.to_string(),
        ]
    });
    let sessions = rows.into_iter().map(Into::into).collect();
    Ok(ListSessionsResponse {
        sessions,
        next_page_token,
        previous_page_token,
        total_size,
    })
}
