//! Lists of users. The SQL is put together for each question, of text from this
//! file alone: so each filter is found by its own index.

use chrono::{DateTime, Utc};
use contract::{Id, identity::Tenant};
use sqlx::{PgConnection, Postgres, QueryBuilder, Row as _, postgres::PgRow};
use uuid::Uuid;

use self::conditions::{Probe, fitting, narrow, read_text};
use crate::users::cells;

mod conditions;

/// Of how many users, at most, those of another table are held in memory while a
/// list is walked.
const HASHED: i64 = 20_000;

/// Whom a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The cells; see `users/cells.rs`.
    pub cells: Vec<i16>,
    /// The words that all appear in the text of a user, as `names::words` has them.
    pub words: Vec<String>,
    /// The words as patterns for LIKE.
    pub patterns: Vec<String>,
    /// Whether the user is locked out now.
    pub locked: Option<bool>,
    /// Whether the user has a password that must be changed, or has ended.
    pub password_expired: Option<bool>,
    /// A role that the user holds.
    pub role: Option<Uuid>,
    /// A project on which the user holds a role.
    pub project: Option<Uuid>,
    /// A group that the user is in.
    pub group: Option<Uuid>,
    /// The user logged in, and the last time before this.
    pub last_login_before: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether the cells say it all.
    pub fn only_cells(&self) -> bool {
        self.words.is_empty() && !self.asks_others()
    }

    /// Whether there is nothing but a search.
    fn only_searches(&self) -> bool {
        self.cells.len() == cells::ALL && !self.asks_others()
    }

    fn asks_others(&self) -> bool {
        let ids = [self.role, self.project, self.group];
        let states = [self.locked, self.password_expired];
        ids.iter().any(Option::is_some)
            || states.iter().any(Option::is_some)
            || self.last_login_before.is_some()
    }
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The sort key of the name.
    Name,
    /// The last login; never is before all.
    LastLogin,
    /// The creation.
    Creation,
}

/// Where in a list a user is.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// What the list is sorted by.
    pub key: Key,
    /// The user.
    pub id: Uuid,
}

/// What a list is sorted by, of one user.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// By name.
    Text(String),
    /// By a time; `None` for never.
    Time(Option<DateTime<Utc>>),
}

/// Some of the users that fit, in no order; all where they are fewer than `most`.
pub async fn some(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let mut sql = QueryBuilder::new("");
    fitting(&mut sql, tenant, filter);
    sql.push(" LIMIT ").push_bind(most);
    let query = sql.build_query_scalar().persistent(false);
    query.fetch_all(db).await
}

/// How many users fit, counted one by one.
pub async fn count(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
) -> sqlx::Result<i64> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (");
    if filter.only_searches() {
        fitting(&mut sql, tenant, filter);
    } else {
        // They are many: their texts are read in the order of the list.
        sql.push("SELECT FROM users u WHERE u.tenant_id = ")
            .push_bind(tenant.uuid());
        narrow(&mut sql, tenant, filter, Probe::AsBest);
        read_text(&mut sql, filter);
    }
    sql.push(") fit");
    let query = sql.build_query_scalar().persistent(false);
    query.fetch_one(db).await
}

/// The users from whom a page is cut.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// These.
    These(&'a [Uuid]),
    /// All who fit, who are this many: the list is walked along its order, and
    /// each user looked at.
    Many(&'a Filter, i64),
}

/// Where a page is cut.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The order of the list.
    pub order: Order,
    /// Whether the page is read against the order.
    pub backward: bool,
    /// Behind whom it begins; `None` for the start.
    pub place: Option<Place>,
    /// The most users.
    pub limit: i64,
}

/// The users of a page, the nearest to the place first.
pub async fn page(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    source: Source<'_>,
    cut: &Cut,
) -> sqlx::Result<Vec<Place>> {
    let (column, order) = (cut.order.column(), cut.order);
    let (beyond, direction) = if cut.backward {
        ("<", " DESC")
    } else {
        (">", "")
    };
    let mut sql = QueryBuilder::<Postgres>::new(format!(
        "SELECT {}, u.id FROM users u WHERE u.tenant_id = ",
        order.value()
    ));
    sql.push_bind(tenant.uuid());
    match source {
        Source::These(ids) => drop(sql.push(" AND u.id = ANY(").push_bind(ids).push(")")),
        Source::Many(filter, total) => {
            let probe = if total > HASHED {
                Probe::EachUser
            } else {
                Probe::AllAtOnce
            };
            narrow(&mut sql, tenant, filter, probe);
            read_text(&mut sql, filter);
        }
    }
    if let Some(place) = &cut.place {
        sql.push(format!(" AND ({column}, u.id) {beyond} ("));
        match &place.key {
            Key::Text(text) => sql.push_bind(text),
            Key::Time(time) => sql
                .push("coalesce(")
                .push_bind(time)
                .push("::timestamptz, '-infinity')"),
        };
        sql.push(", ").push_bind(place.id).push(")");
    }
    sql.push(format!(
        " ORDER BY {column}{direction}, u.id{direction} LIMIT "
    ));
    sql.push_bind(cut.limit);
    let rows = sql.build().persistent(false).fetch_all(db).await?;
    rows.iter().map(|row| Place::read(row, order)).collect()
}

impl Order {
    /// What is sorted by, as its index has it.
    fn column(self) -> &'static str {
        match self {
            Order::Name => "u.sort_key",
            Order::LastLogin => "coalesce(u.last_login_time, '-infinity')",
            Order::Creation => "u.create_time",
        }
    }

    /// The same for reading.
    fn value(self) -> &'static str {
        match self {
            Order::Name => "u.sort_key",
            Order::LastLogin => "u.last_login_time",
            Order::Creation => "u.create_time",
        }
    }
}

impl Place {
    fn read(row: &PgRow, order: Order) -> sqlx::Result<Place> {
        let key = match order {
            Order::Name => Key::Text(row.try_get(0)?),
            Order::LastLogin | Order::Creation => Key::Time(row.try_get(0)?),
        };
        let id = row.try_get(1)?;
        Ok(Place { key, id })
    }
}
