//! Pages of mails, newest first.

use contract::invitation::{ListMailsRequest, ListMailsResponse, Mail, MailKind, MailState};
use rpc::{Caller, Error};

use crate::{
    Invitation,
    db::mails::{
        Kind, Row, State,
        list::{self, Filter},
    },
    invitations::shape::time,
};

pub(super) async fn run(
    app: &Invitation,
    caller: &Caller,
    ask: ListMailsRequest,
) -> Result<ListMailsResponse, Error> {
    let page = app.store.page(caller, &ask)?;
    let user = match ask.user_id.as_str() {
        "" => None,
        id => Some(
            id.parse()
                .map_err(|_| Error::field("user_id", "must be a UUID"))?,
        ),
    };
    let states: Vec<String> = ask.states().filter_map(name).map(str::to_owned).collect();
    let filter = Filter {
        tenant: caller.tenant()?,
        user,
        states: &states,
    };
    let after = page.part(0)?;
    let mut tx = app.store.read(caller).await?;
    let rows = list::page(&mut tx, &filter, after, page.backward(), page.limit()).await?;
    let total_size = list::count(&mut tx, &filter).await?.unsigned_abs();
    drop(tx);
    let (rows, next_page_token, previous_page_token) =
        page.close(rows, |row| vec![row.id.to_string()]);
    let mails = rows.into_iter().map(mail).collect();
    Ok(ListMailsResponse {
        mails,
        next_page_token,
        previous_page_token,
        total_size,
    })
}

/// A state as the table names it.
fn name(state: MailState) -> Option<&'static str> {
    match state {
        MailState::Unspecified => None,
        MailState::Queued => Some("queued"),
        MailState::Sent => Some("sent"),
        MailState::Failed => Some("failed"),
        MailState::Dropped => Some("dropped"),
    }
}

/// The contract's word for what a mail is for.
pub(crate) fn kind(kind: Kind) -> MailKind {
    match kind {
        Kind::Invitation => MailKind::Invitation,
        Kind::PasswordReset => MailKind::PasswordReset,
        Kind::LockedOut => MailKind::LockedOut,
        Kind::NewDevice => MailKind::NewDevice,
        Kind::FactorsChanged => MailKind::FactorsChanged,
        Kind::EmailChanged => MailKind::EmailChanged,
        Kind::TemporaryPassword => MailKind::TemporaryPassword,
        Kind::PasswordExpiry => MailKind::PasswordExpiry,
    }
}

fn mail(row: Row) -> Mail {
    let state = match row.state {
        State::Queued => MailState::Queued,
        State::Sent => MailState::Sent,
        State::Failed => MailState::Failed,
        State::Dropped => MailState::Dropped,
    };
    Mail {
        id: row.id.to_string(),
        kind: kind(row.kind).into(),
        email: row.email,
        user_id: row.user_id.to_string(),
        language: row.language,
        state: state.into(),
        attempts: row.attempts.unsigned_abs(),
        last_answer: row.last_answer,
        create_time: Some(time(row.create_time)),
        send_time: row.send_time.map(time),
    }
}
