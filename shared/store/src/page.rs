//! Pages of a list by key, with tokens that only we can make.

use std::str::FromStr;

use contract::errors::ErrorReason;
use prost::Message;
use rpc::{Because as _, Caller, Error};

use crate::Keys;

const DEFAULT_SIZE: u32 = 25;
const MAX_SIZE: u32 = 100;
const PURPOSE: &str = "page";

/// One page of a list: how many rows to read, from which key, and in which
/// direction. The SQL is `WHERE (sort keys) > (after) ORDER BY sort keys LIMIT
/// limit`, or `<` and `DESC` where [`Page::backward`] holds; never OFFSET.
///
/// A list is
/// ```ignore
/// let page = app.store.page(caller, &ask)?;
/// let after: String = page.part(0)?.unwrap_or_default();
/// let rows = db::groups::page(&mut tx, tenant, &after, page.backward(), page.limit()).await?;
/// let (rows, next_page_token, previous_page_token) = page.close(rows, |row| vec![row.sort_key.clone()]);
/// ```
#[derive(Debug)]
pub struct Page {
    keys: Keys,
    context: Vec<u8>,
    size: usize,
    at: Option<Place>,
}

/// What a token holds.
#[derive(Clone, PartialEq, prost::Message)]
struct Place {
    #[prost(bool, tag = "1")]
    backward: bool,
    #[prost(string, repeated, tag = "2")]
    key: Vec<String>,
}

impl Page {
    /// Reads the page fields of a request. `page_size` 0 means 25, more than
    /// 100 means 100. `filter` is everything else that makes the list what it
    /// is (filters, query, order), as bytes: a token of another list, method,
    /// tenant or user is refused with `PAGE_TOKEN_INVALID`.
    pub fn open(
        keys: &Keys,
        caller: &Caller,
        method: &str,
        page_size: u32,
        page_token: &str,
        filter: &[u8],
    ) -> Result<Page, Error> {
        let context = context(caller, method, filter);
        let at = match page_token {
            "" => None,
            token => Some(place(keys, &context, token).ok_or_else(invalid)?),
        };
        let size = match page_size {
            0 => DEFAULT_SIZE,
            asked => asked.min(MAX_SIZE),
        };
        Ok(Page {
            keys: keys.clone(),
            context,
            size: size as usize,
            at,
        })
    }

    /// How many rows to read: one more than the page holds, to learn whether
    /// there is a further page.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::try_from(self.size + 1).unwrap_or(i64::MAX)
    }

    /// The key of the row to read on from, not included; `None` reads from the
    /// start.
    #[must_use]
    pub fn after(&self) -> Option<&[String]> {
        self.at.as_ref().map(|place| place.key.as_slice())
    }

    /// One part of [`Page::after`], as what the SQL compares with.
    pub fn part<T: FromStr>(&self, at: usize) -> Result<Option<T>, Error> {
        let Some(key) = self.after() else {
            return Ok(None);
        };
        let part = key.get(at).and_then(|part| part.parse().ok());
        // A token of ours with another key comes from before an update.
        part.map(Some).ok_or_else(invalid)
    }

    /// Whether to read rows before [`Page::after`], nearest first.
    #[must_use]
    pub fn backward(&self) -> bool {
        self.at.as_ref().is_some_and(|place| place.backward)
    }

    /// Cuts the rows that were read to the page, in the order of the list, and
    /// makes the tokens of the next and the previous page; an empty token says
    /// that there is none. `key` gives the sort key of a row.
    pub fn close<T>(
        &self,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> Vec<String>,
    ) -> (Vec<T>, String, String) {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        if self.backward() {
            rows.reverse();
        }
        let (has_next, has_previous) = match &self.at {
            None => (more, false),
            Some(place) if place.backward => (true, more),
            Some(_) => (more, true),
        };
        let token = |there: bool, row: Option<&T>, backward| match row {
            Some(row) if there => self.token(&Place {
                backward,
                key: key(row),
            }),
            _ => String::new(),
        };
        let next = token(has_next, rows.last(), false);
        let previous = token(has_previous, rows.first(), true);
        (rows, next, previous)
    }

    fn token(&self, place: &Place) -> String {
        self.keys
            .seal_text(PURPOSE, &self.context, &place.encode_to_vec())
    }
}

fn invalid() -> Error {
    ErrorReason::PageTokenInvalid.because("the page token is not one of this list")
}

fn place(keys: &Keys, context: &[u8], token: &str) -> Option<Place> {
    Place::decode(keys.open_text(PURPOSE, context, token)?.as_slice()).ok()
}

/// The parts of fixed length first, so that no two lists have one context.
fn context(caller: &Caller, method: &str, filter: &[u8]) -> Vec<u8> {
    let tenant = caller.tenant.map(|id| id.uuid()).unwrap_or_default();
    let user = caller.user.map(|id| id.uuid()).unwrap_or_default();
    [
        tenant.as_bytes().as_slice(),
        user.as_bytes(),
        &(method.len() as u64).to_be_bytes(),
        method.as_bytes(),
        filter,
    ]
    .concat()
}
