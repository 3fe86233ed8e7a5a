//! Reads a trail in its order, piece by piece, for as long as the caller may.

use contract::identity::{AuditFilter, AuditRecord};
use prost::Message as _;
use rpc::{Caller, Error};
use store::Store;

use super::filter;
use crate::{Identity, access::Access, db, db::audit_records::Filter};

/// The most records in a piece.
const PIECE: i64 = 200;
/// How large a piece gets before its last record, in bytes: clients take messages
/// of 4 MiB.
const LARGE: usize = 1 << 20;

/// A reader, and how far it has come.
pub struct Reader {
    store: Store,
    access: Access,
    caller: Caller,
    filter: Filter,
    /// The last record that was read, or that did not fit.
    pub sequence: i64,
}

/// What was read.
pub struct Piece {
    /// The records that fit.
    pub records: Vec<AuditRecord>,
    /// Whether there is nothing after these now.
    pub last: bool,
}

impl Reader {
    /// Reads what is wanted after a place, or after the end as it is now. `method`
    /// is the one that is called.
    pub async fn new(
        app: &Identity,
        caller: Caller,
        method: &'static str,
        wanted: Option<AuditFilter>,
        after: Option<u64>,
    ) -> Result<Reader, Error> {
        let mut reader = Reader {
            store: app.store.clone(),
            access: Access::of(app, &caller, method)?,
            filter: filter::read(wanted.unwrap_or_default())?,
            caller,
            // No trail is that long.
            sequence: after.map_or(0, |after| i64::try_from(after).unwrap_or(i64::MAX)),
        };
        if after.is_none() {
            reader.sequence = reader.end().await?;
        }
        Ok(reader)
    }

    /// Reads on. Refused once the caller may not any more.
    pub async fn next(&mut self) -> Result<Piece, Error> {
        self.access.still_holds().await?;
        let tenant = self.caller.tenant()?;
        let end = self.end().await?;
        if end <= self.sequence {
            return Ok(Piece {
                records: Vec::new(),
                last: true,
            });
        }
        let mut tx = self.store.read(&self.caller).await?;
        let (filter, after) = (&self.filter, self.sequence);
        let rows = db::audit_records::between(&mut tx, tenant, filter, after, end, PIECE).await?;
        tx.done().await?;
        let mut full = i64::try_from(rows.len()).is_ok_and(|count| count == PIECE);
        let (mut records, mut size, mut last) = (Vec::new(), 0, end);
        for row in rows {
            if size >= LARGE {
                full = true;
                break;
            }
            last = row.sequence;
            let record = AuditRecord::try_from(row)?;
            size += record.encoded_len();
            records.push(record);
        }
        self.sequence = if full { last } else { end };
        Ok(Piece {
            records,
            last: !full,
        })
    }

    async fn end(&self) -> Result<i64, Error> {
        let mut tx = self.store.read(&self.caller).await?;
        let head = db::audit_heads::find(&mut tx, self.caller.tenant()?).await?;
        tx.done().await?;
        Ok(head.map_or(0, |head| head.sequence))
    }
}
