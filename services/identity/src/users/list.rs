//! Lists users: a page by sort key, and how many fit (requirements U-07, U-08).

use contract::identity::{ListUsersRequest, ListUsersResponse, UserStatus};
use prost::Message as _;
use rpc::{Caller, Error};
use store::Page;
use uuid::Uuid;

use crate::{Identity, db, db::users::Filter, total, users::names};

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListUsersRequest,
) -> Result<ListUsersResponse, Error> {
    let tenant = caller.tenant()?;
    let filter = Filter {
        pattern: names::pattern(&ask.query),
        statuses: statuses(&ask),
        mfa_enabled: ask.mfa_enabled,
    };
    let (size, token) = (ask.page_size, ask.page_token.clone());
    let question = ListUsersRequest {
        page_size: 0,
        page_token: String::new(),
        ..ask
    }
    .encode_to_vec();
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListUsers",
        size,
        &token,
        &question,
    )?;
    let place = match page.after() {
        Some([sort_key, id]) => (sort_key.as_str(), id.parse()?),
        _ => ("", Uuid::nil()),
    };

    let mut tx = app.store.read(caller).await?;
    let rows = db::users::list(
        &mut tx,
        tenant,
        &filter,
        place,
        page.backward(),
        page.limit(),
    )
    .await?;
    let total_size = total(db::users::count(&mut tx, tenant, &filter).await?);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.sort_key.clone(), row.id.to_string()]);
    let users = rows.into_iter().map(Into::into).collect();
    Ok(ListUsersResponse {
        users,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

fn statuses(ask: &ListUsersRequest) -> Option<Vec<String>> {
    let name = |status| match status {
        UserStatus::Invited => Some("INVITED".to_owned()),
        UserStatus::Active => Some("ACTIVE".to_owned()),
        UserStatus::Inactive => Some("INACTIVE".to_owned()),
        UserStatus::Unspecified => None,
    };
    let names: Vec<String> = ask.statuses().filter_map(name).collect();
    (!names.is_empty()).then_some(names)
}
