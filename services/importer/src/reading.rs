//! From the bytes of a file to judged rows, one pass after the encoding is
//! known, in memory that does not grow with the length of a row or a field.
//!
//! Nothing in here waits for anything but the file, knows a database, or
//! panics on what a file holds: every row comes out as good, flagged, wrong,
//! duplicate or blank.

mod address;
mod csv;
mod encoding;
mod header;
mod judge;
mod roles;
mod seen;

use std::io::{Read, Seek, SeekFrom};

use contract::importer::ErrorReason;
use rpc::{Because as _, Error};

use self::{csv::Record, header::Columns, seen::Seen};
pub use self::{
    judge::{Fields, Judged, Problem, Rules, Verdict, judge},
    roles::{Roles, key as role_key},
};

/// Rows handed on at a time; also the most addresses that `FindUsers` takes.
pub const CHUNK: usize = 1000;
/// The most rows of a file. Each takes far more room as a row than in the file:
/// without a bound a small file would fill the disk.
const MOST_ROWS: u32 = 1_000_000;
/// The most blank rows: people leave some, and a line end is the smallest row.
const MOST_BLANK: u32 = 5_000;
/// Bytes read from the file at a time.
const BLOCK: usize = 64 * 1024;

/// How a file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// The WHATWG name of the encoding.
    pub encoding: &'static str,
    /// The character between fields.
    pub delimiter: char,
    /// Whether the file began with a byte-order mark.
    pub byte_order_mark: bool,
}

/// A row of the file, judged.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line on which it starts, from 1.
    pub line: u32,
    /// What stands in it, and what that is worth by itself.
    pub judged: Judged,
    /// The line of the earlier row with the same address.
    pub duplicate_of: Option<u32>,
}

/// Reads a file from its start and hands its rows to `each`, at most [`CHUNK`]
/// at a time, in their order; `each` says whether to go on.
///
/// Refused with `FILE_UNREADABLE` where there is no header with the columns
/// that people need, or there are more rows than anybody reviews.
pub fn read(
    file: &mut (impl Read + Seek),
    rules: &Rules,
    each: &mut dyn FnMut(Vec<Row>) -> bool,
) -> Result<Format, Error> {
    let found = encoding::detect(file)?;
    file.seek(SeekFrom::Start(found.skip))?;
    let mut text = encoding::Text::new(file, found.encoding, BLOCK);
    let mut sample = String::new();
    while sample.len() < BLOCK && text.next(&mut sample)? {}
    let delimiter = header::sniff(&sample).ok_or_else(|| unreadable("it is empty"))?;

    let mut csv = csv::Reader::new(delimiter);
    let mut table = Table {
        columns: None,
        seen: Seen::default(),
        count: 0,
        blank: 0,
        rules,
        rows: Vec::new(),
        each,
    };
    let mut on = true;
    loop {
        if on {
            on = csv.push(sample.as_bytes(), &mut |record| table.take(&record))?;
        }
        sample.clear();
        if !on || !text.next(&mut sample)? {
            break;
        }
    }
    if on {
        csv.finish(&mut |record| table.take(&record))?;
    }
    table.finish()?;
    Ok(Format {
        encoding: found.encoding.name(),
        delimiter: char::from(delimiter),
        byte_order_mark: found.byte_order_mark,
    })
}

fn unreadable(why: &str) -> Error {
    ErrorReason::FileUnreadable.because(format!("the file cannot be read: {why}"))
}

/// What is known of the table so far.
struct Table<'a> {
    columns: Option<Columns>,
    seen: Seen,
    /// Rows so far.
    count: u32,
    /// Blank ones, also above the header.
    blank: u32,
    rules: &'a Rules,
    rows: Vec<Row>,
    each: &'a mut dyn FnMut(Vec<Row>) -> bool,
}

impl Table<'_> {
    /// Takes the next record; false when nobody wants the rest.
    fn take(&mut self, record: &Record<'_>) -> Result<bool, Error> {
        self.bound(record)?;
        let Some(columns) = &self.columns else {
            // Blank lines above the header, and Excel's `sep=;`, are no rows.
            if !record.is_blank() && !header::is_separator_hint(record) {
                self.columns = Some(Columns::read(record).map_err(|why| unreadable(&why))?);
            }
            return Ok(true);
        };
        let (fields, problems) = columns.fields(record);
        let judged = judge(&fields, self.rules, problems);
        let duplicate_of = match judged.verdict {
            Verdict::Good | Verdict::Flagged => {
                self.seen.earlier(&judged.fields.email, record.line)
            }
            Verdict::Wrong | Verdict::Blank => None,
        };
        self.rows.push(Row {
            line: record.line,
            judged,
            duplicate_of,
        });
        if self.rows.len() < CHUNK {
            return Ok(true);
        }
        Ok((self.each)(std::mem::take(&mut self.rows)))
    }

    /// Refuses what is not worth a review, before it costs anything.
    fn bound(&mut self, record: &Record<'_>) -> Result<(), Error> {
        self.count += u32::from(self.columns.is_some());
        self.blank += u32::from(record.is_blank());
        if self.blank > MOST_BLANK {
            let why = format!("more than {MOST_BLANK} of its rows are blank; take them out");
            return Err(unreadable(&why));
        }
        if self.count > MOST_ROWS {
            let why = format!("it has more than {MOST_ROWS} rows; part it into several files");
            return Err(unreadable(&why));
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        if self.columns.is_none() {
            return Err(unreadable("it is empty"));
        }
        if !self.rows.is_empty() {
            (self.each)(self.rows);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
