//! What is wanted of the trail.

use std::net::IpAddr;

use chrono::{DateTime, Datelike as _, Utc};
use contract::identity::AuditFilter;
use prost_types::Timestamp;
use rpc::Error;
use uuid::Uuid;

use super::describe::actions;
use crate::db::audit_records::Filter;

/// How much alike a name must be to be meant, of 1.
const ALIKE: f64 = 0.5;
/// The most names that are offered.
const OFFERED: usize = 3;

/// Reads a filter; what nothing can fit is refused.
pub fn read(ask: AuditFilter) -> Result<Filter, Error> {
    for action in &ask.actions {
        if !actions()?.contains(action) {
            return Err(unknown(action)?);
        }
    }
    let some = |text: String| (!text.is_empty()).then_some(text);
    let id = |text: String| some(text).map(|text| text.parse::<Uuid>()).transpose();
    let address = some(ask.address).map(|text| {
        let address: Result<IpAddr, _> = text.parse();
        address.map_err(|_| Error::field("address", "is no network address"))
    });
    Ok(Filter {
        actor: id(ask.actor_user_id)?,
        target: id(ask.target_id)?,
        actions: ask.actions,
        start: time("start_time", ask.start_time)?,
        end: time("end_time", ask.end_time)?,
        address: address.transpose()?.map(|address| address.to_string()),
        request: some(ask.request),
    })
}

/// The refusal of an action that no service knows, with those that are like it.
fn unknown(action: &str) -> Result<Error, Error> {
    let mut like: Vec<_> = actions()?
        .iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(known, action), known))
        .filter(|(alike, known)| *alike >= ALIKE || known.contains(action))
        .collect();
    like.sort_by(|one, other| other.0.total_cmp(&one.0));
    let like: Vec<_> = like
        .iter()
        .take(OFFERED)
        .map(|(_, name)| name.as_str())
        .collect();
    let offer = match like.as_slice() {
        [] => String::new(),
        names => format!("; there is {}", names.join(", ")),
    };
    Ok(Error::field(
        "actions",
        format!("knows no {action:?}{offer}"),
    ))
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
