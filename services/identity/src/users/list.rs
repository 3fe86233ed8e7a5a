//! Lists users: a page, and how many fit (requirements U-07 to U-09).
//!
//! Where few fit they are all found by the indexes of the filters, and sorted.
//! Where many fit the list is walked along its order, and those who do not fit
//! are passed over. How many fit is known from counts that follow every change,
//! or is counted for the first page and goes with the token from page to page.

use chrono::{DateTime, Datelike as _, Utc};
use contract::{
    Id,
    identity::{ListUsersRequest, ListUsersResponse, Tenant, UserOrder},
};
use prost_types::Timestamp;
use rpc::{Caller, Error};
use sqlx::PgConnection;
use store::Page;
use uuid::Uuid;

use super::{cells, names};
use crate::{
    Identity,
    db::{
        self,
        users::list::{Cut, Filter, Key, Order, Place, Source},
    },
    directory, total,
};

/// The most words of a query.
const MOST_WORDS: usize = 8;
/// How many are few.
const FEW: usize = 1000;

pub async fn run(
    app: &Identity,
    caller: &Caller,
    ask: ListUsersRequest,
) -> Result<ListUsersResponse, Error> {
    let tenant = caller.tenant()?;
    let page = app.store.page(caller, &ask)?;
    let filter = filter(&ask)?;
    let cut = cut(&ask, &page)?;
    directory::wait_for(app, caller, &ask.at_least_revision).await?;

    let mut tx = app.store.read(caller).await?;
    let fit = fit(&mut tx, tenant, &filter, page.part(2)?).await?;
    let many = Source::Many(&filter, fit.total);
    let source = fit.few.as_deref().map_or(many, Source::These);
    let places = db::users::list::page(&mut tx, tenant, source, &cut).await?;
    let (places, next_page_token, previous_page_token) = page.close(places, |place| {
        vec![
            place.key.text(),
            place.id.to_string(),
            fit.total.to_string(),
        ]
    });
    let ids: Vec<Uuid> = places.iter().map(|place| place.id).collect();
    let users = db::users::by_ids(&mut tx, tenant, &ids).await?;
    Ok(ListUsersResponse {
        users: users.into_iter().map(Into::into).collect(),
        next_page_token,
        previous_page_token,
        total_size: total(fit.total),
    })
}

/// Who fits.
struct Fit {
    total: i64,
    /// All of them, where they are few.
    few: Option<Vec<Uuid>>,
}

/// `counted` is what was counted for an earlier page.
async fn fit(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    filter: &Filter,
    counted: Option<i64>,
) -> Result<Fit, Error> {
    let few = i64::try_from(FEW)?;
    let counted = match counted {
        None if filter.only_cells() => Some(db::user_counts::sum(db, tenant, &filter.cells).await?),
        counted => counted,
    };
    if let Some(total) = counted.filter(|total| *total > few) {
        return Ok(Fit { total, few: None });
    }
    let found = db::users::list::some(db, tenant, filter, few + 1).await?;
    if found.len() <= FEW {
        return Ok(Fit {
            total: i64::try_from(found.len())?,
            few: Some(found),
        });
    }
    let total = db::users::list::count(db, tenant, filter).await?;
    Ok(Fit { total, few: None })
}

fn filter(ask: &ListUsersRequest) -> Result<Filter, Error> {
    let id = |text: &str| (!text.is_empty()).then(|| text.parse()).transpose();
    let words = names::words(&ask.query);
    if words.len() > MOST_WORDS {
        let why = format!("has more than {MOST_WORDS} words");
        return Err(Error::field("query", why));
    }
    Ok(Filter {
        cells: cells::of(ask),
        patterns: words.iter().map(|word| names::pattern(word)).collect(),
        words,
        locked: ask.locked,
        password_expired: ask.password_expired,
        role: id(&ask.role_id)?,
        project: id(&ask.project_id)?,
        group: id(&ask.group_id)?,
        last_login_before: time("last_login_before", ask.last_login_before)?,
    })
}

fn time(field: &str, given: Option<Timestamp>) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(given) = given else {
        return Ok(None);
    };
    let nanos = u32::try_from(given.nanos).ok();
    let time = nanos.and_then(|nanos| DateTime::from_timestamp(given.seconds, nanos));
    // What Postgres has no timestamp for is no time of ours either.
    match time.filter(|time| (1970..10_000).contains(&time.year())) {
        Some(time) => Ok(Some(time)),
        None => Err(Error::field(field, "is no time from 1970 on")),
    }
}

fn cut(ask: &ListUsersRequest, page: &Page) -> Result<Cut, Error> {
    let order = match ask.order_by() {
        UserOrder::Unspecified | UserOrder::Name => Order::Name,
        UserOrder::LastLoginTime => Order::LastLogin,
        UserOrder::CreateTime => Order::Creation,
    };
    let (key, id) = (page.part::<String>(0)?, page.part(1)?);
    let place = match key.zip(id) {
        Some((text, id)) => {
            let key = Key::read(order, text)?;
            Some(Place { key, id })
        }
        None => None,
    };
    Ok(Cut {
        order,
        backward: page.backward() != ask.descending,
        place,
        limit: page.limit(),
    })
}

impl Key {
    /// As page tokens hold it.
    fn text(&self) -> String {
        match self {
            Key::Text(text) => text.clone(),
            Key::Time(None) => String::new(),
            Key::Time(Some(time)) => time.timestamp_micros().to_string(),
        }
    }

    fn read(order: Order, text: String) -> Result<Key, Error> {
        Ok(match order {
            Order::Name => Key::Text(text),
            _ if text.is_empty() => Key::Time(None),
            _ => Key::Time(DateTime::from_timestamp_micros(text.parse()?)),
        })
    }
}

/// So many of the users whom a question lists, in no order.
pub async fn ids(
    db: &mut PgConnection,
    tenant: Id<Tenant>,
    ask: &ListUsersRequest,
    most: usize,
) -> Result<Vec<Uuid>, Error> {
    Ok(db::users::list::some(db, tenant, &filter(ask)?, i64::try_from(most)?).await?)
}
