//! The first step: rows in state preparing.

use contract::invitation::InvitationDraft;
use rpc::{Caller, Error};

use super::{Batch, drafts::Drafts, known::Known};
use crate::{
    Invitation,
    db::{Lease, invitations::preparing::Common},
    patience::Patience,
};

/// Under which rows of a call are found again when it is repeated.
pub(crate) struct RequestName {
    key: String,
    hash: [u8; 32],
}

impl RequestName {
    /// The name of a request: by its request id and who asks. A request without
    /// an id gets one that nobody can repeat.
    pub(crate) fn of<M: contract::Request>(
        app: &Invitation,
        caller: &Caller,
        ask: &M,
    ) -> RequestName {
        let id = match ask.request_id() {
            "" => uuid::Uuid::new_v4().to_string(),
            id => id.to_lowercase(),
        };
        let service = caller.service.as_deref().unwrap_or_default();
        let user = caller.user.map(|user| user.to_string()).unwrap_or_default();
        let whole = [M::full_name().as_bytes(), b"\0", &ask.encode_to_vec()].concat();
        let hash = app
            .store
            .keys()
            .keyed_hash("invitations of a request", &whole);
        RequestName {
            key: format!("{service}/{user}/{id}"),
            hash,
        }
    }
}

/// The reply that a request got before. The transaction is given back at once:
/// none is held while other services are asked.
pub(crate) async fn replayed<M, R>(
    app: &Invitation,
    caller: &Caller,
    ask: &M,
) -> Result<Option<R>, Error>
where
    M: contract::Request,
    R: prost::Message + Default,
{
    if ask.request_id().is_empty() {
        return Ok(None);
    }
    app.store.begin(caller, ask).await?.replay()
}

impl Batch {
    /// Makes the rows, or takes those over that an earlier use of the same
    /// request left.
    pub(crate) async fn prepare(
        app: &Invitation,
        caller: &Caller,
        request: RequestName,
        drafts: Vec<InvitationDraft>,
    ) -> Result<Batch, Error> {
        let tenant = caller.tenant()?;
        let known = Known::find(app, caller, &drafts).await?;
        let common = Common {
            tenant,
            request_key: request.key,
            request_hash: request.hash,
            inviter_user_id: caller.user,
            inviter_home_tenant_id: caller.home,
            inviter_name: known.inviter_name.clone(),
            inviter_email: known.inviter_email.clone(),
        };
        let draft = Drafts {
            common,
            known,
            asked: drafts,
            lease: Lease::new(),
        };
        let mut patience = Patience::new();
        loop {
            let tx = app.store.tenant(tenant, caller).await?;
            match draft.prepare(tx).await? {
                Some(entries) => {
                    return Ok(Batch {
                        tenant,
                        caller: caller.clone(),
                        lease: draft.lease,
                        entries,
                    });
                }
                None => patience.wait().await?,
            }
        }
    }
}
