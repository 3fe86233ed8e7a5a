//! `usherctl users list`.

use contract::identity::{
    AuthenticationProvider, ListUsersRequest, User, UserOrder, UserStatus,
    user_service_client::UserServiceClient,
};
use prost_types::Timestamp;

use super::show::{alerts, status};
use crate::{
    Session,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{time, yes},
};

/// Whom to list, and in which order.
#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    filters: Filters,
    /// What to sort by
    #[arg(long, default_value = "name")]
    order: Order,
    /// From the last to the first
    #[arg(long)]
    descending: bool,
    #[command(flatten)]
    limit: Limit,
}

/// Whom a list is narrowed to. All filters hold together.
#[derive(clap::Args, Default, PartialEq)]
pub struct Filters {
    /// Only those in whose names or address all these words appear
    #[arg(long)]
    query: Option<String>,
    /// Only those with one of these statuses
    #[arg(long)]
    status: Vec<Status>,
    /// Only those who have enrolled a second factor, or have not
    #[arg(long)]
    mfa: Option<bool>,
    /// Only those who use a seat, or do not
    #[arg(long)]
    licensed: Option<bool>,
    /// Only those who are locked out, or are not
    #[arg(long)]
    locked: Option<bool>,
    /// Only those whose password has expired, or has not
    #[arg(long)]
    password_expired: Option<bool>,
    /// Only those who prove with one of these who they are
    #[arg(long)]
    provider: Vec<Provider>,
    /// Only those who hold this role
    #[arg(long)]
    role: Option<String>,
    /// Only those who hold a role on this project
    #[arg(long)]
    project: Option<String>,
    /// Only those in this group, by its id
    #[arg(long, value_name = "ID", default_value = "")]
    group: String,
    /// Only those whose last login was before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    last_login_before: Option<Timestamp>,
    /// Only those who have never logged in, or only those who have
    #[arg(long)]
    never_logged_in: Option<bool>,
    /// Wait until what a change of roles or groups did is in the list; the change
    /// answered this revision
    #[arg(long, value_name = "REVISION", default_value = "")]
    at_least_revision: String,
}

/// Where a user stands.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum Status {
    /// Has not set credentials yet.
    Invited,
    /// Can log in.
    Active,
    /// Disabled.
    Inactive,
}

/// Where somebody proves who they are.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
pub enum Provider {
    /// Here, with a password.
    Local,
}

/// What users are sorted by.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Order {
    /// Last name, first name, address.
    Name,
    /// The last login; who never logged in comes first.
    LastLogin,
    /// The creation.
    Created,
}

impl List {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let limit = self.limit;
        let order = match self.order {
            Order::Name => UserOrder::Name,
            Order::LastLogin => UserOrder::LastLoginTime,
            Order::Created => UserOrder::CreateTime,
        };
        let ask = ListUsersRequest {
            order_by: order.into(),
            descending: self.descending,
            ..self.filters.question(session).await?
        };
        let client = UserServiceClient::new(session.client.gateway());
        let page = |page_size, page_token| {
            let mut client = client.clone();
            let ask = ListUsersRequest {
                page_size,
                page_token,
                ..ask.clone()
            };
            async move { client.list_users(ask).await }
        };
        let listed = list(limit, page, |page| {
            (page.users, page.next_page_token, page.total_size)
        })
        .await?;
        let header = [
            "Last name",
            "First name",
            "Email",
            "Status",
            "MFA",
            "Seat",
            "Last login",
            "ID",
        ];
        session.print.many(&listed, header, |user: &User| {
            [
                user.last_name.clone(),
                user.first_name.clone(),
                user.email.clone(),
                [status(user), alerts(user)].join(" ").trim().to_owned(),
                yes(user.mfa_enabled),
                yes(user.licensed),
                time(user.last_login_time.as_ref()),
                user.id.clone(),
            ]
        })
    }
}

impl Filters {
    /// The question that these filters ask.
    pub async fn question(self, session: &Session) -> Result<ListUsersRequest, Failure> {
        let role_id = match &self.role {
            Some(role) => names::role(session, role).await?,
            None => String::new(),
        };
        let project: Vec<String> = self.project.into_iter().collect();
        let project_id = names::projects(session, &project).await?.pop();
        let statuses = self.status.into_iter().map(|status| match status {
            Status::Invited => UserStatus::Invited.into(),
            Status::Active => UserStatus::Active.into(),
            Status::Inactive => UserStatus::Inactive.into(),
        });
        let providers = self.provider.into_iter().map(|provider| match provider {
            Provider::Local => AuthenticationProvider::Local.into(),
        });
        Ok(ListUsersRequest {
            query: self.query.unwrap_or_default(),
            statuses: statuses.collect(),
            mfa_enabled: self.mfa,
            licensed: self.licensed,
            locked: self.locked,
            password_expired: self.password_expired,
            authentication_providers: providers.collect(),
            role_id,
            project_id: project_id.unwrap_or_default(),
            group_id: self.group,
            last_login_before: self.last_login_before,
            never_logged_in: self.never_logged_in,
            at_least_revision: self.at_least_revision,
            ..Default::default()
        })
    }
}
