//! Step 3: what the commit made of the rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use contract::authorization::{
    ListGroupMembersRequest, ListGroupsRequest, ListRoleBindingsRequest, RoleBinding,
    group_service_client::GroupServiceClient,
    role_binding_service_client::RoleBindingServiceClient,
};
use contract::identity::{
    ListUsersRequest, User, UserStatus, user_service_client::UserServiceClient,
};
use contract::importer::{Import, ImportRow, RowState};
use contract::licensing::{ListSeatsRequest, license_service_client::LicenseServiceClient};
use testkit::{Client, until_within};

use super::{Company, import};
use crate::Mails;

/// How long all mails may take. A mail that was being sent as the suite was
/// killed is sent again when its lease has ended, after a minute.
const MAILS: Duration = Duration::from_secs(150);

/// The people that the import brought.
pub struct Brought {
    /// Their rows.
    pub rows: Vec<ImportRow>,
    /// Role ids by user id.
    pub roles: BTreeMap<String, String>,
}

/// Every good row became one invited user with its role, group, seat and mail;
/// nobody else did.
pub async fn verify(company: &Company, reviewed: &Import, mails: &Mails) -> Result<Brought> {
    let client = &company.admin.client;
    let rows = import::rows(client, &reviewed.id, &[RowState::Good]).await?;
    let wanted: BTreeSet<_> = rows.iter().map(|row| row.email.to_lowercase()).collect();
    let users = users(client, UserStatus::Invited).await?;
    let seen: BTreeSet<_> = users.iter().map(|user| user.email.to_lowercase()).collect();
    ensure!(
        seen == wanted,
        "invited users and good rows differ: {:?}",
        seen.symmetric_difference(&wanted)
    );
    ensure!(
        users.len() == wanted.len(),
        "{} users for {} rows",
        users.len(),
        wanted.len()
    );

    let bindings = bindings(client).await?;
    let roles: BTreeMap<_, _> = bindings
        .iter()
        .map(|one| (one.user_id.clone(), one.role_id.clone()))
        .collect();
    ensure!(
        roles.len() == bindings.len(),
        "somebody holds more than one role"
    );
    for row in &rows {
        ensure!(
            roles.get(&row.user_id) == Some(&row.role_id),
            "line {} holds another role",
            row.line
        );
    }
    groups(client, &rows).await?;
    seats(company, &roles).await?;
    one_mail_each(company, mails, &wanted).await?;
    Ok(Brought { rows, roles })
}

async fn users(client: &Client, status: UserStatus) -> Result<Vec<User>> {
    let mut ask = ListUsersRequest {
        page_size: 100,
        statuses: vec![status.into()],
        ..Default::default()
    };
    let mut users = Vec::new();
    loop {
        let page = UserServiceClient::new(client.clone())
            .list_users(ask.clone())
            .await?
            .into_inner();
        users.extend(page.users);
        if page.next_page_token.is_empty() {
            ensure!(
                users.len() as u64 == page.total_size,
                "{} users, total {}",
                users.len(),
                page.total_size
            );
            return Ok(users);
        }
        ask.page_token = page.next_page_token;
    }
}

async fn bindings(client: &Client) -> Result<Vec<RoleBinding>> {
    let mut ask = ListRoleBindingsRequest {
        page_size: 100,
        ..Default::default()
    };
    let mut bindings = Vec::new();
    loop {
        let page = RoleBindingServiceClient::new(client.clone())
            .list_role_bindings(ask.clone())
            .await?
            .into_inner();
        bindings.extend(page.bindings);
        if page.next_page_token.is_empty() {
            return Ok(bindings);
        }
        ask.page_token = page.next_page_token;
    }
}

async fn groups(client: &Client, rows: &[ImportRow]) -> Result<()> {
    let mut groups = GroupServiceClient::new(client.clone());
    let list = groups
        .list_groups(ListGroupsRequest::default())
        .await?
        .into_inner()
        .groups;
    let default = list
        .into_iter()
        .find(|group| group.default)
        .context("no Default Group")?;
    let mut ask = ListGroupMembersRequest {
        group_id: default.id,
        page_size: 100,
        ..Default::default()
    };
    let mut members = BTreeSet::new();
    loop {
        let page = groups.list_group_members(ask.clone()).await?.into_inner();
        members.extend(page.user_ids);
        if page.next_page_token.is_empty() {
            break;
        }
        ask.page_token = page.next_page_token;
    }
    for row in rows {
        ensure!(
            members.contains(&row.user_id) == row.default_group,
            "line {} and the Default Group",
            row.line
        );
    }
    Ok(())
}

async fn seats(company: &Company, roles: &BTreeMap<String, String>) -> Result<()> {
    let licensed = [&company.roles["admin"], &company.roles["analyst"]];
    let wanted: BTreeSet<_> = roles
        .iter()
        .filter(|(_, role)| licensed.contains(role))
        .map(|(user, _)| user.clone())
        .collect();
    let mut ask = ListSeatsRequest {
        page_size: 100,
        ..Default::default()
    };
    let mut seen = BTreeSet::new();
    loop {
        let mut licenses = LicenseServiceClient::new(company.admin.client.clone());
        let page = licenses.list_seats(ask.clone()).await?.into_inner();
        seen.extend(page.seats.into_iter().map(|seat| seat.user_id));
        if page.next_page_token.is_empty() {
            break;
        }
        ask.page_token = page.next_page_token;
    }
    ensure!(
        seen == wanted,
        "seats and licensed roles differ: {:?}",
        seen.symmetric_difference(&wanted)
    );
    let used = company.license().await?.used_seats as usize;
    ensure!(
        used == wanted.len(),
        "{used} seats are counted, {} are used",
        wanted.len()
    );
    Ok(())
}

/// One mail to each, from this run; and none to anybody else. A mail that came
/// twice under one Message-ID is one mail: SMTP cannot tell a sender that was
/// killed before the answer whether the mail was taken.
async fn one_mail_each(company: &Company, mails: &Mails, wanted: &BTreeSet<String>) -> Result<()> {
    let count = || async {
        let mut count: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mail in mails.all().await.unwrap_or_default() {
            if mail.text.contains(&company.display_name) {
                let to = mail
                    .to
                    .first()
                    .map(|to| to.to_lowercase())
                    .unwrap_or_default();
                count.entry(to).or_default().insert(mail.message_id);
            }
        }
        // The first admin had one too.
        count.remove(&format!("alma.weber@{}.example", company.name));
        (count.len() >= wanted.len()).then_some(count)
    };
    let count = until_within(MAILS, "a mail to everybody", count).await;
    for (address, mails) in &count {
        ensure!(
            wanted.contains(address),
            "a mail went to {address}, who is not in the file"
        );
        ensure!(mails.len() == 1, "{} mails went to {address}", mails.len());
    }
    Ok(())
}
