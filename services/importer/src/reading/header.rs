//! The first row: which column is which, and what parts them.

use super::{
    csv::{Reader, Record},
    judge::{Fields, Problem},
};

/// The characters that part fields in usual files, the likeliest first.
const DELIMITERS: [u8; 4] = *b";,\t|";

/// What a column can be called, letters and digits in lower case only.
const EMAIL: &[&str] = &[
    "email",
    "emailaddress",
    "mail",
    "mailaddress",
    "emailadresse",
    "mailadresse",
];
const FIRST_NAME: &[&str] = &["firstname", "givenname", "forename", "vorname"];
const LAST_NAME: &[&str] = &[
    "lastname",
    "surname",
    "familyname",
    "nachname",
    "familienname",
];
const ROLE: &[&str] = &["role", "rolename", "rolle"];
const DEFAULT_GROUP: &[&str] = &["defaultgroup", "standardgruppe"];

/// Where each column stands, from 0.
#[derive(Debug)]
pub struct Columns {
    email: usize,
    first_name: usize,
    last_name: usize,
    role: Option<usize>,
    default_group: Option<usize>,
    width: usize,
}

impl Columns {
    /// Reads the header. Columns that are not ours are passed over; the error
    /// says which of ours is not there, or there twice.
    pub fn read(record: &Record<'_>) -> Result<Columns, String> {
        let names = names(record);
        let required = |what: &str, known: &[&str]| {
            find(&names, what, known)?.ok_or_else(|| {
                format!(
                    "line {} is the header and has no column \"{what}\"",
                    record.line
                )
            })
        };
        Ok(Columns {
            email: required("Email", EMAIL)?,
            first_name: required("First Name", FIRST_NAME)?,
            last_name: required("Last Name", LAST_NAME)?,
            role: find(&names, "Role", ROLE)?,
            default_group: find(&names, "Default Group", DEFAULT_GROUP)?,
            width: names.len(),
        })
    }

    /// What stands in our columns of a row, and what is wrong with the row as
    /// such.
    pub fn fields(&self, record: &Record<'_>) -> (Fields, Vec<Problem>) {
        let field = |index: usize| record.field(index).unwrap_or_default().into_owned();
        let fields = Fields {
            email: field(self.email),
            first_name: field(self.first_name),
            last_name: field(self.last_name),
            role: self.role.map(field).unwrap_or_default(),
            default_group: self.default_group.map(field).unwrap_or_default(),
        };
        let mut problems = Vec::new();
        if record.open {
            problems.push(Problem::of_row(
                "a quote in it is never closed, so the rest of the file is in this row",
            ));
        }
        if record.cut {
            problems.push(Problem::of_row(
                "it is longer than 64 KiB or has more than 256 fields",
            ));
        }
        // A delimiter that should have been quoted has moved what follows.
        let beyond = |index: usize| {
            record
                .field(index)
                .is_some_and(|field| !field.trim().is_empty())
        };
        if (self.width..record.len()).any(beyond) {
            problems.push(Problem::of_row(&format!(
                "it has {} fields, and the header {}",
                record.len(),
                self.width
            )));
        }
        (fields, problems)
    }
}

/// The first delimiter under which the header names most of our columns, or,
/// where it names none, the one that parts it most. `None` for a text in which
/// nothing stands.
pub fn sniff(sample: &str) -> Option<u8> {
    let mut best: Option<((usize, usize), u8)> = None;
    for delimiter in DELIMITERS {
        let score = score(sample, delimiter)?;
        if best.is_none_or(|(most, _)| score > most) {
            best = Some((score, delimiter));
        }
    }
    best.map(|(_, delimiter)| delimiter)
}

fn score(sample: &str, delimiter: u8) -> Option<(usize, usize)> {
    let mut found = None;
    let mut take = |record: Record<'_>| {
        if !record.is_blank() && !is_separator_hint(&record) {
            let names = names(&record);
            let known = [EMAIL, FIRST_NAME, LAST_NAME, ROLE, DEFAULT_GROUP];
            let known = known
                .iter()
                .filter(|known| matches!(find(&names, "", known), Ok(Some(_))))
                .count();
            found = Some((known, names.len()));
        }
        Ok(found.is_none())
    };
    let mut reader = Reader::new(delimiter);
    if reader.push(sample.as_bytes(), &mut take).ok()? {
        reader.finish(&mut take).ok()?;
    }
    found
}

/// Excel's `sep=;` above the header.
pub fn is_separator_hint(record: &Record<'_>) -> bool {
    record.line == 1
        && record
            .field(0)
            .is_some_and(|field| field.trim().to_ascii_lowercase().starts_with("sep="))
}

fn names(record: &Record<'_>) -> Vec<String> {
    let name = |index| record.field(index).unwrap_or_default();
    let plain = |name: &str| {
        name.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    (0..record.len()).map(|index| plain(&name(index))).collect()
}

fn find(names: &[String], what: &str, known: &[&str]) -> Result<Option<usize>, String> {
    let mut places = (0..names.len()).filter(|index| known.contains(&names[*index].as_str()));
    match (places.next(), places.next()) {
        (_, Some(_)) => Err(format!("the header has the column \"{what}\" twice")),
        (first, None) => Ok(first),
    }
}
