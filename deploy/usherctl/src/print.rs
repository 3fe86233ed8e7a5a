//! How results look: tables for people, JSON for programs.

use std::{
    cell::OnceCell,
    io::{self, Write as _},
};

use comfy_table::{ContentArrangement, Table, presets::UTF8_BORDERS_ONLY};
use indicatif::{ProgressBar, ProgressStyle};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use prost_types::Timestamp;
use serde_json::Value;

use crate::{failure::Failure, pages::Listed};

/// Writes results.
pub struct Printer {
    json: bool,
    /// The contract, read when JSON is first wanted.
    contract: OnceCell<DescriptorPool>,
}

impl Printer {
    /// JSON or tables.
    pub fn new(json: bool) -> Printer {
        Printer {
            json,
            contract: OnceCell::new(),
        }
    }

    /// One thing, as a table of its fields.
    pub fn one<M: Message + Name>(
        &self,
        message: &M,
        fields: &[(&str, String)],
    ) -> Result<(), Failure> {
        if self.json {
            return write_line(&self.to_json(message)?.to_string());
        }
        let mut table = plain();
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            table.add_row([(*name).to_owned(), clean(value)]);
        }
        write_line(&table.to_string())
    }

    /// Many things, a row each.
    pub fn many<M: Message + Name, const N: usize>(
        &self,
        listed: &Listed<M>,
        header: [&str; N],
        row: impl Fn(&M) -> [String; N],
    ) -> Result<(), Failure> {
        if self.json {
            let list = listed
                .entries
                .iter()
                .map(|entry| self.to_json(entry))
                .collect::<Result<Vec<_>, _>>()?;
            write_line(&Value::Array(list).to_string())?;
        } else {
            let mut table = plain();
            table.set_header(header);
            for entry in &listed.entries {
                table.add_row(row(entry).map(|text| clean(&text)));
            }
            write_line(&table.to_string())?;
        }
        // Beside the list, so that no script takes a part for the whole.
        let shown = listed.entries.len();
        if u64::try_from(shown).unwrap_or_default() < listed.total {
            eprintln!("{shown} of {}; --all shows the rest", listed.total);
        }
        Ok(())
    }

    /// Plain text rows that are no messages of the contract.
    pub fn rows<const N: usize>(
        &self,
        header: [&str; N],
        rows: Vec<[String; N]>,
    ) -> Result<(), Failure> {
        if self.json {
            let object = |row: [String; N]| -> Value {
                header
                    .iter()
                    .map(|name| name.to_lowercase().replace(' ', "_"))
                    .zip(row)
                    .collect()
            };
            return write_line(&rows.into_iter().map(object).collect::<Value>().to_string());
        }
        let mut table = plain();
        table.set_header(header);
        table.add_rows(rows);
        write_line(&table.to_string())
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A sentence for people; nothing in JSON.
    pub fn say(&self, what: &str) {
        if !self.json {
            eprintln!("{what}");
        }
    }

    /// A progress bar on stderr; none in JSON.
    pub fn bar(&self, total: u64, template: &str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style.progress_chars("█▉▊▋▌▍▎▏ "))
    }

    /// A message as the gateway answers it over HTTP.
    fn to_json<M: Message + Name>(&self, message: &M) -> Result<Value, Failure> {
        let options = SerializeOptions::new().skip_default_fields(false);
        self.dynamic(message)?
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| Failure::Fault(format!("{}: {error}", M::full_name())))
    }

    /// A message as a line of JSON, from which [`Printer::read`] makes the very
    /// same message.
    pub fn line<M: Message + Name + Default + PartialEq>(
        &self,
        message: &M,
    ) -> Result<String, Failure> {
        let whole = |json: &Value| Some(self.read::<M>(json.clone()).ok()? == *message);
        match self.to_json(message) {
            Ok(json) if whole(&json) == Some(true) => Ok(json.to_string()),
            _ => Err(Failure::Fault(
                "there is more in a message than this usherctl knows: use a newer one".into(),
            )),
        }
    }

    /// A message from JSON.
    pub fn read<M: Message + Name + Default>(&self, json: Value) -> Result<M, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("not a {}: {error}", M::full_name()))
        };
        let message = DynamicMessage::deserialize(self.descriptor::<M>()?, json)
            .map_err(|error| failed(&error))?;
        M::decode(message.encode_to_vec().as_slice()).map_err(|error| failed(&error))
    }

    /// A message whose fields can be asked for.
    pub fn dynamic<M: Message + Name>(&self, message: &M) -> Result<DynamicMessage, Failure> {
        let bytes = message.encode_to_vec();
        DynamicMessage::decode(self.descriptor::<M>()?, bytes.as_slice())
            .map_err(|error| Failure::Fault(format!("{}: {error}", M::full_name())))
    }

    fn descriptor<M: Name>(&self) -> Result<MessageDescriptor, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Fault(format!("{}: {error}", M::full_name()));
        let pool = if let Some(pool) = self.contract.get() {
            pool
        } else {
            let pool =
                DescriptorPool::decode(contract::DESCRIPTORS).map_err(|error| failed(&error))?;
            self.contract.get_or_init(|| pool)
        };
        pool.get_message_by_name(&M::full_name())
            .ok_or_else(|| failed(&"no such message"))
    }
}

/// Writes bytes to stdout as they are.
pub fn write(bytes: &[u8]) -> Result<(), Failure> {
    io::stdout()
        .write_all(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Enough,
            _ => Failure::io("stdout", &error),
        })
}

/// Writes a line to stdout.
pub fn write_line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// What others wrote must not steer the terminal.
pub fn clean(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn plain() -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// A time, to the second.
pub fn time(time: Option<&Timestamp>) -> String {
    time.map(|time| {
        Timestamp {
            seconds: time.seconds,
            nanos: 0,
        }
        .to_string()
    })
    .unwrap_or_default()
}

/// A yes, or nothing.
pub fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// The name of an enum value without its prefix, in lower case.
pub fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_lowercase()
        .replace('_', " ")
}
