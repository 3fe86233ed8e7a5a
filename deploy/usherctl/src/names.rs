//! Things by the names that people use, where the contract wants ids.

use contract::{
    Id,
    authorization::{
        ListProjectsRequest, ListRolesRequest, Project, Role,
        project_service_client::ProjectServiceClient, role_service_client::RoleServiceClient,
    },
    identity::{
        ListServiceAccountsRequest, ListUsersRequest, ServiceAccount, User,
        service_account_service_client::ServiceAccountServiceClient,
        user_service_client::UserServiceClient,
    },
};

use crate::{
    Session,
    failure::Failure,
    pages::{Limit, Listed, list},
};

fn is_id(text: &str) -> bool {
    text.parse::<Id<()>>().is_ok()
}

fn none(what: &str, name: &str) -> Failure {
    Failure::Missing(format!("there is no {what} {name:?} in the tenant"))
}

/// The id of a user, given as id, username or address.
pub async fn user(session: &Session, name: &str) -> Result<String, Failure> {
    if is_id(name) {
        return Ok(name.to_owned());
    }
    let client = UserServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let query = name.to_owned();
        async move {
            client
                .list_users(ListUsersRequest {
                    page_size,
                    page_token,
                    query,
                    ..Default::default()
                })
                .await
        }
    };
    let users = list(Limit::ALL, ask, |page| {
        (page.users, page.next_page_token, page.total_size)
    })
    .await?;
    let is = |user: &User| {
        user.email.eq_ignore_ascii_case(name) || user.username.eq_ignore_ascii_case(name)
    };
    users
        .entries
        .into_iter()
        .find(is)
        .map(|user| user.id)
        .ok_or_else(|| none("user", name))
}

/// All roles of the tenant.
pub async fn all_roles(session: &Session) -> Result<Vec<Role>, Failure> {
    let client = RoleServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_roles(ListRolesRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let listed = list(Limit::ALL, ask, |page| {
        (page.roles, page.next_page_token, page.total_size)
    })
    .await?;
    Ok(listed.entries)
}

/// The ids of roles, given as ids or names.
pub async fn roles(session: &Session, names: &[String]) -> Result<Vec<String>, Failure> {
    if names.iter().all(|name| is_id(name)) {
        return Ok(names.to_vec());
    }
    let all = all_roles(session).await?;
    let find = |name: &String| {
        let is = |role: &&Role| {
            role.id == *name
                || role.name.eq_ignore_ascii_case(name)
                || role.display_name.eq_ignore_ascii_case(name)
        };
        all.iter()
            .find(is)
            .map(|role| role.id.clone())
            .ok_or_else(|| none("role", name))
    };
    names.iter().map(find).collect()
}

/// The id of one role.
pub async fn role(session: &Session, name: &str) -> Result<String, Failure> {
    let mut ids = roles(session, &[name.to_owned()]).await?;
    ids.pop().ok_or_else(|| none("role", name))
}

/// The ids of projects, given as ids or names.
pub async fn projects(session: &Session, names: &[String]) -> Result<Vec<String>, Failure> {
    if names.iter().all(|name| is_id(name)) {
        return Ok(names.to_vec());
    }
    let client = ProjectServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_projects(ListProjectsRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let all = list(Limit::ALL, ask, |page| {
        (page.projects, page.next_page_token, page.total_size)
    })
    .await?
    .entries;
    let find = |name: &String| {
        let is =
            |project: &&Project| project.id == *name || project.name.eq_ignore_ascii_case(name);
        all.iter()
            .find(is)
            .map(|project| project.id.clone())
            .ok_or_else(|| none("project", name))
    };
    names.iter().map(find).collect()
}

/// All service accounts of the tenant.
pub async fn all_service_accounts(
    session: &Session,
    limit: Limit,
) -> Result<Listed<ServiceAccount>, Failure> {
    let client = ServiceAccountServiceClient::new(session.client.gateway());
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_service_accounts(ListServiceAccountsRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    list(limit, ask, |page| {
        (page.service_accounts, page.next_page_token, page.total_size)
    })
    .await
}

/// The id of a service account, given as id or name.
pub async fn service_account(session: &Session, name: &str) -> Result<String, Failure> {
    if is_id(name) {
        return Ok(name.to_owned());
    }
    let all = all_service_accounts(session, Limit::ALL).await?.entries;
    all.into_iter()
        .find(|account| account.name.to_lowercase() == name.to_lowercase())
        .map(|account| account.id)
        .ok_or_else(|| none("service account", name))
}

/// Makes a call repeatable.
pub fn request_id() -> String {
    Id::<()>::new().to_string()
}
