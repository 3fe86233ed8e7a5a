//! `SimulateGrants`.

use contract::authorization::{SimulateGrantsRequest, SimulateGrantsResponse};
use contract::licensing::ErrorReason;
use rpc::{Caller, Error};

use super::plan::{Asked, Facts, Verdict};
use crate::Authorization;

/// Decides as a reservation would, and writes nothing.
pub async fn run(
    app: &Authorization,
    caller: &Caller,
    ask: SimulateGrantsRequest,
) -> Result<SimulateGrantsResponse, Error> {
    let asked = Asked::read(&ask.grants)?;
    let mut tx = app.store.read(caller).await?;
    let mut facts = Facts::gather(&mut tx, caller, &asked).await?;
    let mut over_seats = Vec::new();
    for (position, asked) in (0..).zip(&asked) {
        if matches!(facts.decide(asked), Verdict::Refuse(error) if error.is(ErrorReason::SeatsExhausted))
        {
            over_seats.push(position);
        }
    }
    Ok(SimulateGrantsResponse { over_seats })
}
