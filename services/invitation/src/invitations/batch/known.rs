//! What is known before rows are made: who asks, and who is there already.

use std::collections::HashMap;

use contract::{
    identity::{FindUsersRequest, FindUsersResponse, User, UserStatus},
    invitation::InvitationDraft,
};
use rpc::{Caller, Error};

use crate::{Invitation, db::UserId, peers::SERVICE};

/// What identity says about a batch.
pub(super) struct Known {
    pub(super) inviter_name: String,
    pub(super) inviter_email: String,
    /// The language of the tenant.
    pub(super) language: String,
    /// Who has an address of the batch: the user, and whether they have not
    /// finished their set-up. By the address as it is compared.
    users: HashMap<String, (UserId, bool)>,
    /// The proven domains of the tenant.
    domains: Vec<String>,
}

impl Known {
    pub(super) async fn find(
        app: &Invitation,
        caller: &Caller,
        drafts: &[InvitationDraft],
    ) -> Result<Known, Error> {
        let tenant = caller.tenant()?;
        let emails: Vec<String> = drafts.iter().map(|draft| email_key(&draft.email)).collect();
        // An operator who acts in another tenant is a user of their own.
        let at_home = caller.home.is_none_or(|home| home == tenant);
        let inviter = caller.user.filter(|_| at_home);
        let (found, away, tenant) = futures::try_join!(
            find_users(app, caller, emails, inviter),
            inviter_away(app, caller, at_home),
            app.peers.tenant(tenant),
        )?;
        let users = found.users;
        let inviter = users
            .iter()
            .chain(&away.users)
            .find(|user| is(user, caller.user));
        Ok(Known {
            inviter_name: inviter.map(full_name).unwrap_or_default(),
            inviter_email: inviter.map(|user| user.email.clone()).unwrap_or_default(),
            language: tenant.language.clone(),
            users: users.iter().filter_map(by_address).collect(),
            domains: found.username_domains,
        })
    }

    /// Whether an address is on a domain on which the tenant's usernames are.
    pub(super) fn may_be_invited(&self, email_key: &str) -> bool {
        let domain = email_key.rsplit_once('@').map(|(_, domain)| domain);
        self.domains.is_empty() || self.domains.iter().any(|one| Some(one.as_str()) == domain)
    }

    /// Who has an address, and whether they have not finished their set-up.
    pub(super) fn user(&self, email_key: &str) -> Option<(UserId, bool)> {
        self.users.get(email_key).copied()
    }
}

async fn find_users(
    app: &Invitation,
    caller: &Caller,
    emails: Vec<String>,
    user: Option<UserId>,
) -> Result<FindUsersResponse, Error> {
    let user_ids = user.iter().map(ToString::to_string).collect();
    let request = FindUsersRequest { emails, user_ids };
    Ok(app
        .peers
        .users(caller)
        .find_users(request)
        .await?
        .into_inner())
}

async fn inviter_away(
    app: &Invitation,
    caller: &Caller,
    at_home: bool,
) -> Result<FindUsersResponse, Error> {
    match (caller.home, caller.user) {
        (Some(home), Some(user)) if !at_home => {
            find_users(
                app,
                &Caller::acting(SERVICE, home, Some(user)),
                Vec::new(),
                Some(user),
            )
            .await
        }
        _ => Ok(FindUsersResponse::default()),
    }
}

fn is(user: &User, id: Option<UserId>) -> bool {
    id.is_some() && user.id.parse().ok() == id
}

fn by_address(user: &User) -> Option<(String, (UserId, bool))> {
    let invited = user.status() == UserStatus::Invited;
    Some((email_key(&user.email), (user.id.parse().ok()?, invited)))
}

fn full_name(user: &User) -> String {
    format!("{} {}", user.first_name, user.last_name)
        .trim()
        .to_owned()
}

/// An address as it is compared: without case.
pub(crate) fn email_key(email: &str) -> String {
    email.to_lowercase()
}
