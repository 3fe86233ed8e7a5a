//! `ListPermissions`.

use contract::authorization::{ListPermissionsRequest, ListPermissionsResponse, Permission};
use rpc::{Caller, Error};

use super::catalogue::{CATALOGUE, Entry};
use crate::Authorization;

/// Pages through the part of the catalogue that tenants can grant.
pub fn run(
    app: &Authorization,
    caller: &Caller,
    ask: &ListPermissionsRequest,
) -> Result<ListPermissionsResponse, Error> {
    let page = app.store.page(caller, ask)?;
    let after: String = page.part(0)?.unwrap_or_default();
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let all = || CATALOGUE.iter().filter(|entry| !entry.platform);
    let rows: Vec<&Entry> = if page.backward() {
        all()
            .rev()
            .filter(|entry| entry.name < after.as_str())
            .take(limit)
            .collect()
    } else {
        all()
            .filter(|entry| entry.name > after.as_str())
            .take(limit)
            .collect()
    };
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |entry| vec![entry.name.to_owned()]);
    let permission = |entry: &Entry| Permission {
        name: entry.name.to_owned(),
        description: entry.description.to_owned(),
    };
    Ok(ListPermissionsResponse {
        permissions: rows.into_iter().map(permission).collect(),
        next_page_token,
        previous_page_token,
        total_size: all().count() as u64,
    })
}
