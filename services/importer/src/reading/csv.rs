//! Records of a CSV text, on the state machine of the `csv` crate.
//!
//! Around it: line numbers that hold for quoted fields of several lines and for
//! every kind of line end, blank lines that count as rows, and a bound on what
//! one record may take.

use csv_core::{ReadRecordResult, ReaderBuilder};
use rpc::Error;

/// Bytes of one record that are kept.
const MOST: usize = 64 * 1024;
/// Fields of one record that are kept.
const FIELDS: usize = 256;

/// One record, as it stands in the file.
pub struct Record<'a> {
    /// The line on which it starts, from 1.
    pub line: u32,
    /// More than is kept stands in it.
    pub cut: bool,
    /// A quote in it is never closed: it goes on to the end of the file.
    pub open: bool,
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl Record<'_> {
    /// How many fields are kept.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field, from 0; `None` where the record is shorter.
    pub fn field(&self, index: usize) -> Option<std::borrow::Cow<'_, str>> {
        let end = *self.ends.get(index)?;
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        // Lossy, because a cut can go through the middle of a character.
        Some(String::from_utf8_lossy(self.bytes.get(start..end)?))
    }

    /// Whether nothing stands in it.
    pub fn is_blank(&self) -> bool {
        !self.cut
            && (0..self.len()).all(|index| {
                self.field(index)
                    .is_none_or(|field| field.trim().is_empty())
            })
    }
}

/// Takes text in pieces of any length and hands out records.
pub struct Reader {
    core: csv_core::Reader,
    line: u32,
    /// Where the record being read began; `None` between two records.
    began: Option<u32>,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
    /// The record being read has gone over a line end, so a quote is open.
    quoted: bool,
    bytes: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    ended: usize,
    cut: bool,
}

/// What is done with a record; it says whether to go on.
pub type Take<'a> = dyn FnMut(Record<'_>) -> Result<bool, Error> + 'a;

impl Reader {
    /// Reads records whose fields are parted by `delimiter`.
    pub fn new(delimiter: u8) -> Reader {
        Reader {
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            line: 1,
            began: None,
            after_return: false,
            quoted: false,
            bytes: vec![0; MOST],
            written: 0,
            ends: vec![0; FIELDS],
            ended: 0,
            cut: false,
        }
    }

    /// Reads on; false when `take` said to stop.
    pub fn push(&mut self, mut input: &[u8], take: &mut Take<'_>) -> Result<bool, Error> {
        while let Some(&first) = input.first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                // The line feed of a CRLF that is done with already. Inside of
                // quotes it belongs to the field, whose return was taken.
                if self.began.is_none() {
                    input = &input[1..];
                    continue;
                }
                self.line -= 1;
            }
            let line_end = input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let piece = &input[..line_end.map_or(input.len(), |at| at + 1)];
            input = &input[piece.len()..];
            if self.began.is_none() && line_end == Some(0) {
                self.began = Some(self.line);
                if !self.hand(false, take)? {
                    return Ok(false);
                }
            } else {
                self.began.get_or_insert(self.line);
                if self.feed(piece) && !self.hand(false, take)? {
                    return Ok(false);
                }
            }
            if line_end.is_some() {
                self.line = self.line.saturating_add(1);
                self.after_return = piece.ends_with(b"\r");
                self.quoted = self.began.is_some();
            }
        }
        Ok(true)
    }

    /// The text is over: hands out the record that has no line end.
    pub fn finish(&mut self, take: &mut Take<'_>) -> Result<bool, Error> {
        if self.began.is_none() {
            return Ok(true);
        }
        let open = self.quoted;
        self.feed(b"");
        self.hand(open, take)
    }

    /// Feeds a piece of a line; true when a record ends with it.
    fn feed(&mut self, mut piece: &[u8]) -> bool {
        // The state machine takes an empty piece for the end of the text.
        let last = piece.is_empty();
        let mut spill = [0; 4096];
        let mut spilled = [0; 16];
        loop {
            let (result, read, written, ended) = if self.cut {
                // Read on for the end of the record alone.
                self.core.read_record(piece, &mut spill, &mut spilled)
            } else {
                self.core.read_record(
                    piece,
                    &mut self.bytes[self.written..],
                    &mut self.ends[self.ended..],
                )
            };
            piece = &piece[read..];
            if !self.cut {
                self.written += written;
                self.ended += ended;
            }
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => return true,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => self.cut = true,
                ReadRecordResult::InputEmpty => {}
            }
            if piece.is_empty() && !last {
                return false;
            }
        }
    }

    fn hand(&mut self, open: bool, take: &mut Take<'_>) -> Result<bool, Error> {
        let record = Record {
            line: self.began.take().unwrap_or(self.line),
            cut: std::mem::take(&mut self.cut),
            open,
            bytes: &self.bytes[..self.written],
            ends: &self.ends[..self.ended],
        };
        let on = take(record);
        (self.written, self.ended, self.quoted) = (0, 0, false);
        on
    }
}
