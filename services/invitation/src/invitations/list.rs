//! Pages of invitations, sorted by state, newest first within each.

use contract::invitation::{InvitationState, ListInvitationsRequest, ListInvitationsResponse};
use rpc::{Caller, Error};

use super::shape;
use crate::{
    Invitation,
    db::invitations::{
        Row,
        list::{self, Filter},
    },
};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: ListInvitationsRequest,
) -> Result<ListInvitationsResponse, Error> {
    let page = app.store.page(caller, &ask)?;
    let inviter_email = ask.inviter_email.to_lowercase();
    let filter = Filter {
        tenant: caller.tenant()?,
        ranks: &ranks(&ask),
        inviter_email: &inviter_email,
    };
    let after = page.part(0)?.zip(page.part(1)?);
    let mut tx = app.store.read(caller).await?;
    let rows = list::page(&mut tx, &filter, after, page.backward(), page.limit()).await?;
    let total_size = list::count(&mut tx, &filter).await?.unsigned_abs();
    drop(tx);
    let (rows, next_page_token, previous_page_token) = page.close(rows, key);
    let invitations = rows.into_iter().map(shape::invitation).collect();
    Ok(ListInvitationsResponse {
        invitations,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

/// The accepted ones are users by now, and only shown to who asks for them.
fn ranks(ask: &ListInvitationsRequest) -> Vec<i32> {
    if !ask.states.is_empty() {
        return ask.states.clone();
    }
    [
        InvitationState::Pending,
        InvitationState::Declined,
        InvitationState::Expired,
    ]
    .map(i32::from)
    .to_vec()
}

fn key(row: &Row) -> Vec<String> {
    vec![i32::from(shape::state(row)).to_string(), row.id.to_string()]
}
