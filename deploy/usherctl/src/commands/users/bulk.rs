//! One thing done to many users.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use contract::identity::{
    BulkAction, BulkOperation, BulkOutcome, BulkResult, CancelBulkOperationRequest,
    CreateBulkOperationRequest, ListBulkOperationsRequest, ListBulkResultsRequest,
    ListUsersRequest, NamedUsers, WatchBulkOperationRequest,
    bulk_service_client::BulkServiceClient, create_bulk_operation_request,
    user_service_client::UserServiceClient,
};

use super::list::Filters;
use crate::{
    Session,
    client::Gateway,
    confirm,
    failure::Failure,
    names,
    pages::{Limit, list},
    print::{time, word},
};

const AFTER: &str = "\
Example:
  usherctl users bulk disable --query contractor.example
  usherctl users bulk delete --file leavers.txt --yes
  usherctl users bulk results ID --outcome refused";

const WORKING: &str = "{wide_bar} {pos}/{len} users · {msg}";

/// What to do.
#[derive(clap::Subcommand)]
#[command(after_help = AFTER)]
pub enum Bulk {
    /// Disable many users: their sessions end at once
    Disable(Whom),
    /// Enable many users again
    Enable(Whom),
    /// Delete many users and all that is tied to them, for good
    Delete(Whom),
    /// Remove all second factors of many users who lost theirs
    ResetFactors(Whom),
    /// Mail many users their invitations again
    ResendInvitation(Whom),
    /// List bulk operations, newest first
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Watch a bulk operation until it ends
    Watch {
        /// The operation
        id: String,
    },
    /// List what became of each user, in the order of their turns
    Results {
        /// The operation
        id: String,
        /// Only these outcomes
        #[arg(long)]
        outcome: Vec<Outcome>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Stop a bulk operation; what was done stays done
    Cancel {
        /// The operation
        id: String,
    },
}

/// Whom it is about: those that a file names, or those that `users list`
/// shows with the same filters (`--query ''` for everybody).
#[derive(clap::Args)]
#[group(id = "whom", required = true, args = ["file", "query"])]
pub struct Whom {
    /// A file with a user a line, by id, username or address; - for stdin
    #[arg(long)]
    file: Option<PathBuf>,
    #[command(flatten)]
    filters: Filters,
    /// Do not ask first
    #[arg(long, short)]
    yes: bool,
    /// Do not wait for the end
    #[arg(long)]
    no_wait: bool,
}

/// What became of a user.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Nothing to change, the own account, or the last admin.
    Skipped,
    /// Refused, as the single call would have been.
    Refused,
}

fn client(session: &Session) -> BulkServiceClient<Gateway> {
    BulkServiceClient::new(session.client.gateway())
}

impl Bulk {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Bulk::Disable(whom) => whom.begin(session, BulkAction::Disable).await,
            Bulk::Enable(whom) => whom.begin(session, BulkAction::Enable).await,
            Bulk::Delete(whom) => whom.begin(session, BulkAction::Delete).await,
            Bulk::ResetFactors(whom) => whom.begin(session, BulkAction::ResetFactors).await,
            Bulk::ResendInvitation(whom) => whom.begin(session, BulkAction::ResendInvitation).await,
            Bulk::List { limit } => operations(session, limit).await,
            Bulk::Watch { id } => watch(session, id).await,
            Bulk::Results { id, outcome, limit } => results(session, id, outcome, limit).await,
            Bulk::Cancel { id } => {
                let ask = CancelBulkOperationRequest {
                    bulk_operation_id: id,
                    request_id: names::request_id(),
                };
                let reply = client(session).cancel_bulk_operation(ask).await?;
                let operation = reply.into_inner().bulk_operation;
                show(session, &operation.unwrap_or_default())
            }
        }
    }
}

impl Whom {
    async fn begin(self, session: &Session, action: BulkAction) -> Result<(), Failure> {
        let (users, count) = match &self.file {
            Some(_) if self.filters != Filters::default() => {
                let why = "a file names the users: filters go with --query alone";
                return Err(Failure::usage(why.to_owned()));
            }
            Some(file) => {
                let user_ids = from_file(session, file).await?;
                let count = user_ids.len() as u64;
                let named = NamedUsers { user_ids };
                (create_bulk_operation_request::Users::Named(named), count)
            }
            None => {
                let filter = self.filters.question(session).await?;
                let count = how_many(session, &filter).await?;
                (create_bulk_operation_request::Users::Filter(filter), count)
            }
        };
        let what = word(action.as_str_name(), "BULK_ACTION_");
        confirm::ask(self.yes, &format!("{what} {count} users"))?;
        let ask = CreateBulkOperationRequest {
            action: action.into(),
            users: Some(users),
            request_id: names::request_id(),
        };
        let reply = client(session).create_bulk_operation(ask).await?;
        let operation = reply.into_inner().bulk_operation.unwrap_or_default();
        if self.no_wait {
            return show(session, &operation);
        }
        watch(session, operation.id).await
    }
}

/// The users that a file names, by their ids.
async fn from_file(session: &Session, file: &Path) -> Result<Vec<String>, Failure> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        io::stdin().read_to_string(&mut text).map(drop)
    } else {
        fs::read_to_string(file).map(|whole| text = whole)
    };
    read.map_err(|error| Failure::io(file.display(), &error))?;
    let mut ids = Vec::new();
    for name in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        ids.push(names::user(session, name).await?);
    }
    Ok(ids)
}

async fn how_many(session: &Session, filter: &ListUsersRequest) -> Result<u64, Failure> {
    let ask = ListUsersRequest {
        page_size: 1,
        ..filter.clone()
    };
    let mut users = UserServiceClient::new(session.client.gateway());
    Ok(users.list_users(ask).await?.into_inner().total_size)
}

/// A progress bar until the operation ends, then the operation.
async fn watch(session: &Session, id: String) -> Result<(), Failure> {
    let mut client = client(session);
    let bar = session.print.bar(0, WORKING);
    let ask = WatchBulkOperationRequest {
        bulk_operation_id: id,
    };
    loop {
        let mut stream = client.watch_bulk_operation(ask.clone()).await?.into_inner();
        // It ends now and then, to be asked for again.
        while let Some(seen) = stream.message().await? {
            let operation = seen.bulk_operation.unwrap_or_default();
            let progress = operation.progress.unwrap_or_default();
            let (skipped, refused) = (progress.skipped, progress.refused);
            bar.set_length(progress.total.into());
            bar.set_position((progress.done + skipped + refused).into());
            bar.set_message(format!("{skipped} skipped, {refused} refused"));
            if operation.end_time.is_some() {
                bar.finish_and_clear();
                return show(session, &operation);
            }
        }
    }
}

fn state(operation: &BulkOperation) -> String {
    word(operation.state().as_str_name(), "BULK_OPERATION_STATE_")
}

fn action(operation: &BulkOperation) -> String {
    word(operation.action().as_str_name(), "BULK_ACTION_")
}

fn show(session: &Session, operation: &BulkOperation) -> Result<(), Failure> {
    let progress = operation.progress.unwrap_or_default();
    let fields = [
        ("ID", operation.id.clone()),
        ("Action", action(operation)),
        ("State", state(operation)),
        ("Users", progress.total.to_string()),
        ("  done", progress.done.to_string()),
        ("  skipped", progress.skipped.to_string()),
        ("  refused", progress.refused.to_string()),
        ("Creator", operation.creator_user_id.clone()),
        ("Created", time(operation.create_time.as_ref())),
        ("Ended", time(operation.end_time.as_ref())),
    ];
    session.print.one(operation, &fields)
}

async fn operations(session: &Session, limit: Limit) -> Result<(), Failure> {
    let client = client(session);
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        async move {
            client
                .list_bulk_operations(ListBulkOperationsRequest {
                    page_size,
                    page_token,
                })
                .await
        }
    };
    let listed = list(limit, ask, |page| {
        (page.bulk_operations, page.next_page_token, page.total_size)
    })
    .await?;
    let header = [
        "Action", "State", "Users", "Done", "Skipped", "Refused", "Created", "ID",
    ];
    session
        .print
        .many(&listed, header, |operation: &BulkOperation| {
            let progress = operation.progress.unwrap_or_default();
            [
                action(operation),
                state(operation),
                progress.total.to_string(),
                progress.done.to_string(),
                progress.skipped.to_string(),
                progress.refused.to_string(),
                time(operation.create_time.as_ref()),
                operation.id.clone(),
            ]
        })
}

async fn results(
    session: &Session,
    id: String,
    outcomes: Vec<Outcome>,
    limit: Limit,
) -> Result<(), Failure> {
    let outcomes = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Done => BulkOutcome::Done.into(),
        Outcome::Skipped => BulkOutcome::Skipped.into(),
        Outcome::Refused => BulkOutcome::Refused.into(),
    });
    let only = ListBulkResultsRequest {
        bulk_operation_id: id,
        outcomes: outcomes.collect(),
        ..Default::default()
    };
    let client = client(session);
    let ask = |page_size, page_token| {
        let mut client = client.clone();
        let ask = ListBulkResultsRequest {
            page_size,
            page_token,
            ..only.clone()
        };
        async move { client.list_bulk_results(ask).await }
    };
    let listed = list(limit, ask, |page| {
        (page.results, page.next_page_token, page.total_size)
    })
    .await?;
    let header = ["User ID", "Outcome", "Reason", "When"];
    session.print.many(&listed, header, |result: &BulkResult| {
        let outcome = word(result.outcome().as_str_name(), "BULK_OUTCOME_");
        [
            result.user_id.clone(),
            outcome.replace("unspecified", ""),
            result.reason.clone(),
            time(result.end_time.as_ref()),
        ]
    })
}
