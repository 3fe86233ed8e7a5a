//! Pages of invitations, sorted by state, newest first within each.

use contract::invitation::{InvitationState, ListInvitationsRequest, ListInvitationsResponse};
use prost::Message as _;
use rpc::{Caller, Error};
use store::Page;
use uuid::Uuid;

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
    let question = ListInvitationsRequest {
        page_size: 0,
        page_token: String::new(),
        ..ask.clone()
    }
    .encode_to_vec();
    let page = Page::open(
        app.store.keys(),
        caller,
        "ListInvitations",
        ask.page_size,
        &ask.page_token,
        &question,
    )?;
    let inviter_email = ask.inviter_email.to_lowercase();
    let filter = Filter {
        tenant: caller.tenant()?,
        ranks: &ranks(&ask),
        inviter_email: &inviter_email,
    };
    let after = page.after().map(place).transpose()?;
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

fn place(key: &[String]) -> Result<(i32, Uuid), Error> {
    match key {
        [rank, id] => Ok((rank.parse()?, id.parse()?)),
        _ => Err(Error::fault("a page token of invitations has two parts")),
    }
}
