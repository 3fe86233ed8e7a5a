//! Brings a whole company in from a file.

mod files;
mod show;

use std::path::PathBuf;

use contract::importer::{
    CancelImportRequest, CommitImportRequest, ExistingUserPolicy, GetImportRequest,
    MapImportRoleRequest, UpdateImportRowRequest, import_service_client::ImportServiceClient,
};

use crate::{Session, failure::Failure, names, pages::Limit};

const AFTER: &str = "\
Example:
  usherctl import upload people.csv
  usherctl import rows ID --state wrong
  usherctl import fix ID 23 --last-name Miller
  usherctl import map ID pentester analyst
  usherctl import commit ID --watch
  usherctl import result ID --to result.csv";

/// What to do.
#[derive(clap::Subcommand)]
#[command(after_help = AFTER)]
pub enum Import {
    /// Upload a CSV file, in any usual encoding and with any usual delimiter
    Upload {
        /// The file; it has the columns Email, First Name, Last Name, and where
        /// wanted Role and Default Group (TRUE or FALSE)
        file: PathBuf,
    },
    /// Show an import: what is in the file, and what is to be done
    Show {
        /// The import
        import_id: String,
    },
    /// List imports, newest first
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// List the rows of an import, in the order of the file
    Rows {
        /// The import
        import_id: String,
        /// Only rows of these states
        #[arg(long)]
        state: Vec<show::State>,
        /// Only rows for which no seat would be left
        #[arg(long)]
        over_seats: bool,
        #[command(flatten)]
        limit: Limit,
    },
    /// Fix or drop one row
    Fix(Fix),
    /// Give all rows that name an unknown role a role of the tenant
    Map {
        /// The import
        import_id: String,
        /// The unknown name
        name: String,
        /// The role, by name or id
        role: String,
    },
    /// Turn the good rows into invited users
    Commit(Commit),
    /// Watch a commit until it ends
    Watch {
        /// The import
        import_id: String,
    },
    /// Stop a commit, or give up a review
    Cancel {
        /// The import
        import_id: String,
    },
    /// Write a CSV file with every row and its outcome
    Result {
        /// The import
        import_id: String,
        /// The file; stdout where none is named
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

/// What is changed in a row.
#[derive(clap::Args)]
pub struct Fix {
    /// The import
    import_id: String,
    /// The line of the row
    line: u32,
    /// The address
    #[arg(long)]
    email: Option<String>,
    /// The first name
    #[arg(long)]
    first_name: Option<String>,
    /// The last name
    #[arg(long)]
    last_name: Option<String>,
    /// The role, by name
    #[arg(long)]
    role: Option<String>,
    /// Whether the person joins the Default Group
    #[arg(long)]
    default_group: Option<bool>,
    /// Drop the row, or with `false` take it in again
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    drop: Option<bool>,
}

/// How a commit is done.
#[derive(clap::Args)]
pub struct Commit {
    /// The import
    import_id: String,
    /// Wait for the end of the commit, with a progress bar
    #[arg(long)]
    watch: bool,
    /// What to do with rows of existing users
    #[arg(long, default_value = "skip")]
    existing: Existing,
    /// Create the users, but send no mails
    #[arg(long)]
    without_mails: bool,
    /// The language of the mails: en or de
    #[arg(long, default_value = "")]
    language: String,
    /// Refuse where the import was changed since it had this etag
    #[arg(long, default_value = "")]
    etag: String,
}

/// What to do with rows of existing users.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Existing {
    /// Leave the users alone.
    Skip,
    /// Let the rows fail.
    Fail,
}

impl Import {
    pub async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = ImportServiceClient::new(session.client.gateway());
        match self {
            Import::Upload { file } => files::upload(session, &file).await,
            Import::Result { import_id, to } => files::result(session, import_id, to).await,
            Import::List { limit } => show::imports(session, limit).await,
            Import::Rows {
                import_id,
                state,
                over_seats,
                limit,
            } => show::rows(session, import_id, state, over_seats, limit).await,
            Import::Watch { import_id } => show::watch(session, import_id).await,
            Import::Commit(commit) => commit.run(session).await,
            Import::Fix(fix) => fix.run(session).await,
            Import::Show { import_id } => {
                let reply = client
                    .get_import(GetImportRequest { import_id })
                    .await?
                    .into_inner();
                show::import(session, &reply.import.unwrap_or_default())
            }
            Import::Map {
                import_id,
                name,
                role,
            } => {
                let role_id = names::role(session, &role).await?;
                let reply = client
                    .map_import_role(MapImportRoleRequest {
                        import_id,
                        name,
                        role_id,
                        request_id: names::request_id(),
                    })
                    .await?
                    .into_inner();
                show::import(session, &reply.import.unwrap_or_default())
            }
            Import::Cancel { import_id } => {
                let reply = client
                    .cancel_import(CancelImportRequest {
                        import_id,
                        request_id: names::request_id(),
                    })
                    .await?
                    .into_inner();
                show::import(session, &reply.import.unwrap_or_default())
            }
        }
    }
}

impl Fix {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let ask = UpdateImportRowRequest {
            import_id: self.import_id,
            line: self.line,
            email: self.email,
            first_name: self.first_name,
            last_name: self.last_name,
            role: self.role,
            default_group: self.default_group,
            dropped: self.drop,
            request_id: names::request_id(),
        };
        let mut client = ImportServiceClient::new(session.client.gateway());
        let reply = client.update_import_row(ask).await?.into_inner();
        show::row(session, &reply.row.unwrap_or_default())
    }
}

impl Commit {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let existing_users = match self.existing {
            Existing::Skip => ExistingUserPolicy::Skip,
            Existing::Fail => ExistingUserPolicy::Fail,
        };
        let ask = CommitImportRequest {
            import_id: self.import_id.clone(),
            etag: self.etag,
            existing_users: existing_users.into(),
            without_mails: self.without_mails,
            language: self.language,
            request_id: names::request_id(),
        };
        let mut client = ImportServiceClient::new(session.client.gateway());
        let reply = client.commit_import(ask).await?.into_inner();
        if self.watch {
            return show::watch(session, self.import_id).await;
        }
        show::import(session, &reply.import.unwrap_or_default())
    }
}
