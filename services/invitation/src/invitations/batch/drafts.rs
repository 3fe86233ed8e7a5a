//! Which drafts become rows, and under which user ids.

use std::collections::HashSet;

use contract::{
    errors::ErrorReason as Errors,
    identity,
    invitation::{ErrorReason, InvitationDraft},
};
use lettre::Address;
use rpc::{Because as _, Error};
use store::Tx;

use super::{
    Entry,
    known::{Known, email_key},
};
use crate::{
    db::{
        InvitationId, Lease, UserId,
        invitations::{
            Row,
            preparing::{self, Common, New, Revoked},
        },
        mails,
    },
    limit::{MOST_AN_HOUR, too_many_mails},
};

/// The drafts of a call, and what is known of them.
pub(super) struct Drafts {
    pub(super) common: Common,
    pub(super) known: Known,
    pub(super) asked: Vec<InvitationDraft>,
    pub(super) lease: Lease,
}

impl Drafts {
    /// `None` while another call is at work: another use of the same request,
    /// or one that takes an invitation back to one of the addresses.
    pub(super) async fn prepare(&self, mut tx: Tx) -> Result<Option<Vec<Entry>>, Error> {
        let Common {
            tenant,
            request_key,
            request_hash,
            ..
        } = &self.common;
        preparing::lock_request(&mut tx, *tenant, request_key).await?;
        let earlier = preparing::earlier(&mut tx, *tenant, request_key, request_hash).await?;
        if !earlier.same_request {
            return Err(Errors::RequestIdReused
                .because("this request id was used before, with another request"));
        }
        if earlier.busy {
            return Ok(None);
        }
        let mut entries: Vec<Entry> = self.asked.iter().map(|_| Entry::default()).collect();
        if earlier.any {
            preparing::take_over(&mut tx, *tenant, request_key, self.lease).await?;
            let rows = preparing::of_request(&mut tx, *tenant, request_key).await?;
            place(&mut entries, rows);
        }
        let Some(new) = self.new_rows(&mut tx, &mut entries).await? else {
            return Ok(None);
        };
        if !new.is_empty() {
            preparing::insert(&mut tx, &self.common, self.lease, &new).await?;
            let rows = preparing::of_request(&mut tx, *tenant, request_key).await?;
            place(&mut entries, rows);
        }
        tx.done().await?;
        for entry in entries
            .iter_mut()
            .filter(|entry| entry.row.is_none() && entry.refusal.is_none())
        {
            entry.refusal = Some(email_taken());
        }
        Ok(Some(entries))
    }

    /// Rows for the drafts that have none; refuses those that can have none.
    async fn new_rows(
        &self,
        tx: &mut Tx,
        entries: &mut [Entry],
    ) -> Result<Option<Vec<New>>, Error> {
        let keys: Vec<String> = self
            .asked
            .iter()
            .map(|draft| email_key(&draft.email))
            .collect();
        let revoked = preparing::revoked(tx, self.common.tenant, &keys).await?;
        if revoked.iter().any(|one| !one.settled) {
            return Ok(None);
        }
        let quiet = self.asked.iter().all(|draft| draft.without_mail);
        let full = if quiet {
            Vec::new()
        } else {
            mails::full(tx, self.common.tenant, &keys, MOST_AN_HOUR).await?
        };
        let mut new = Vec::new();
        for (index, (draft, entry)) in self.asked.iter().zip(entries).enumerate() {
            if entry.row.is_some() {
                continue;
            }
            let full = full.iter().find(|full| full.email_key == keys[index]);
            if let Some(full) = full.filter(|_| !draft.without_mail) {
                entry.refusal = Some(too_many_mails(full));
                continue;
            }
            match self.user_id(draft, &revoked) {
                Ok(user) => new.push(self.row(i32::try_from(index)?, draft, user)),
                Err(refusal) => entry.refusal = Some(refusal),
            }
        }
        Ok(Some(new))
    }

    /// The id for the user of a draft: a new one, or that of somebody whose
    /// invitation was taken back before they finished their account.
    fn user_id(&self, draft: &InvitationDraft, revoked: &[Revoked]) -> Result<UserId, Error> {
        check(draft)?;
        let key = email_key(&draft.email);
        let again = |user| {
            let same = |one: &Revoked| one.email_key == key && one.user_id == user;
            revoked.iter().any(same)
        };
        match self.known.user(&key) {
            None if !self.known.may_be_invited(&key) => Err(off_domain()),
            None => Ok(UserId::new()),
            Some((user, true)) if again(user) => Ok(user),
            Some(_) => Err(email_taken()),
        }
    }

    fn row(&self, index: i32, draft: &InvitationDraft, user_id: UserId) -> New {
        let language = match (draft.language.as_str(), self.known.language.as_str()) {
            ("", "") => "en",
            ("", tenant) => tenant,
            (chosen, _) => chosen,
        };
        New {
            index,
            id: InvitationId::new(),
            user_id,
            email: draft.email.clone(),
            email_key: email_key(&draft.email),
            first_name: draft.first_name.clone(),
            last_name: draft.last_name.clone(),
            role_ids: each_once(&draft.role_ids),
            project_ids: each_once(&draft.project_ids),
            default_group: draft.default_group,
            language: language.to_owned(),
            inviter_hidden: draft.hide_inviter,
            without_mail: draft.without_mail,
        }
    }
}

/// Ids with commas between them, each once: one id has two spellings.
fn each_once(ids: &[String]) -> String {
    let mut seen = HashSet::new();
    let plain = ids.iter().map(|id| id.to_lowercase());
    let once: Vec<String> = plain.filter(|id| seen.insert(id.clone())).collect();
    once.join(",")
}

/// Puts rows to the drafts they are of.
fn place(entries: &mut [Entry], rows: Vec<Row>) {
    for row in rows {
        if let Some(entry) = usize::try_from(row.request_index)
            .ok()
            .and_then(|index| entries.get_mut(index))
        {
            entry.row = Some(row);
        }
    }
}

/// What the contract's rules cannot say.
fn check(draft: &InvitationDraft) -> Result<(), Error> {
    if draft.email.parse::<Address>().is_err() {
        return Err(Error::field(
            "invitation.email",
            "must be an address to which mail can be sent",
        ));
    }
    Ok(())
}

/// The address has a user, or an invitation that is open or expired.
pub(super) fn email_taken() -> Error {
    ErrorReason::EmailTaken.because("this address belongs to a user or was invited already")
}

/// The address would be a username, and is on none of the tenant's domains.
pub(super) fn off_domain() -> Error {
    let why = "must be on a domain of the tenant: it is also the username";
    identity::ErrorReason::UsernameDomain
        .because(format!("the address {why}"))
        .violation("invitation.email", why)
}

#[cfg(test)]
mod tests {
    use contract::{Violations, invitation::InvitationDraft};

    use super::check;

    fn draft(email: &str, name: &str) -> InvitationDraft {
        InvitationDraft {
            email: email.into(),
            first_name: name.into(),
            ..InvitationDraft::default()
        }
    }

    #[test]
    fn names_that_would_say_more_than_a_name_are_refused() {
        let broken = |name| !Violations::of(&draft("ada@acme.test", name)).is_empty();
        for good in ["", "Ada", "O'Neill: the 3rd", "علی\u{200c}رضا", "Zoë-Ángel"] {
            assert!(!broken(good), "{good:?}");
        }
        for bad in [
            "https://evil.test",
            "Pay \u{202e}live",
            "Ada\u{2028}Eve",
            "Ada\u{200b}Eve",
            "Ada\r\nBcc: eve@evil.test",
            "Ada\nEve",
            "Ada\rEve",
            "Ada\0",
            "Ada\u{85}",
            "\u{1b}[31m",
        ] {
            assert!(broken(bad), "{bad:?}");
        }
    }

    #[test]
    fn addresses_that_would_add_commands_are_refused() {
        for bad in [
            "ada@acme.test\r\nRCPT TO:<eve@evil.test>",
            "ada@acme.test, eve@evil.test",
            "ada acme.test",
            "",
        ] {
            assert!(check(&draft(bad, "Ada")).is_err(), "{bad:?}");
        }
    }
}
