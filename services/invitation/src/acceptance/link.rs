//! The secret of a link, and what is behind it.

use contract::invitation::ErrorReason;
use rpc::{Because as _, Caller, Error};
use store::Keys;
use zeroize::Zeroizing;

use crate::{
    Invitation,
    db::{
        InvitationId, TenantId,
        invitations::{self, Row, State},
    },
    peers::SERVICE,
};

/// What every secret of an invitation link begins with, so that it is never
/// taken for another kind of secret, and is found where it leaked.
const PREFIX: &str = "uit_";

/// A new secret for a link: 256 random bits.
pub(crate) fn mint() -> Zeroizing<String> {
    Zeroizing::new(format!("{PREFIX}{}", *Zeroizing::new(Keys::token())))
}

/// All that is kept of a secret.
pub(crate) fn hash(keys: &Keys, token: &str) -> [u8; 32] {
    keys.keyed_hash("invitation link", token.as_bytes())
}

/// An invitation that was found by its link.
pub(crate) struct Link {
    pub(crate) tenant: TenantId,
    pub(crate) id: InvitationId,
    pub(crate) hash: [u8; 32],
}

impl Link {
    /// The invitation of a link's secret, or `TOKEN_UNKNOWN`. A public method
    /// knows no tenant: it is the secret that tells.
    pub(crate) async fn find(app: &Invitation, token: &str) -> Result<Link, Error> {
        if !token.starts_with(PREFIX) {
            return Err(unknown());
        }
        let hash = hash(app.store.keys(), token);
        let mut tx = app.store.worker().await?;
        let (tenant, id) = invitations::find_link(&mut tx, &hash)
            .await?
            .ok_or_else(unknown)?;
        Ok(Link { tenant, id, hash })
    }
}

/// The link was never made, or a newer one was.
pub(crate) fn unknown() -> Error {
    ErrorReason::TokenUnknown
        .because("this link is not known; there may be a newer one in your mail")
}

/// The password was set before.
pub(crate) fn accepted() -> Error {
    ErrorReason::InvitationAccepted.because("the invitation was accepted before; log in instead")
}

/// Refuses an invitation that was answered, or is too old.
pub(crate) fn refuse_used(row: &Row) -> Result<(), Error> {
    match row.state {
        State::Accepted => Err(accepted()),
        State::Declined => {
            Err(ErrorReason::InvitationDeclined.because("the invitation was declined"))
        }
        State::Pending if row.expired => {
            Err(ErrorReason::InvitationExpired.because("the link is too old; ask for a new one"))
        }
        State::Preparing | State::Pending | State::Accepting => Ok(()),
    }
}

/// The invitee, as other services hear of them: they proved their address.
pub(crate) fn invitee(caller: &Caller, row: &Row) -> Caller {
    Caller {
        address: caller.address,
        request_id: caller.request_id.clone(),
        ..Caller::acting(SERVICE, row.tenant_id, Some(row.user_id))
    }
}

#[cfg(test)]
mod tests {
    use store::Keys;

    use super::{hash, mint};

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, other) = (mint(), mint());
        assert_ne!(one, other);
        assert_eq!(one.len(), "uit_".len() + 43);
    }

    #[test]
    fn a_hash_is_of_this_installation() {
        let (ours, theirs) = (Keys::new(&[1; 32]), Keys::new(&[2; 32]));
        assert_eq!(hash(&ours, "uit_x"), hash(&ours, "uit_x"));
        assert_ne!(hash(&ours, "uit_x"), hash(&theirs, "uit_x"));
        assert_ne!(hash(&ours, "uit_x"), hash(&ours, "uit_y"));
    }
}
