//! Log lines: one event each, whatever a value in it may hold, and findable by
//! the id of the trace.

use std::{
    fmt,
    io::{self, Write},
};

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{self, Format, Json, Writer},
        time::SystemTime,
    },
    registry::LookupSpan,
};

/// One JSON object, with the id of the trace that the event belongs to.
pub(crate) struct Traced;

impl<S, N> FormatEvent<S, N> for Traced
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let plain: Format<Json, SystemTime> = format::format().json().flatten_event(true);
        let mut line = String::new();
        plain.format_event(context, Writer::new(&mut line), event)?;
        let trace = rpc::known_trace_id().filter(|_| !line.contains("\"trace_id\":"));
        match (line.trim_end().strip_suffix('}'), trace) {
            (Some(open), Some(trace)) => writeln!(writer, "{open},\"trace_id\":\"{trace}\"}}"),
            _ => writer.write_str(&line),
        }
    }
}

/// Standard output, one event a line: control characters inside of an event
/// are escaped, so that a value cannot begin a line or colour a terminal.
pub(crate) struct Stdout;

impl<'writer> MakeWriter<'writer> for Stdout {
    type Writer = Line;

    fn make_writer(&'writer self) -> Line {
        Line
    }
}

pub(crate) struct Line;

impl Write for Line {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let escaped = escape(event);
        io::stdout()
            .lock()
            .write_all(escaped.as_deref().unwrap_or(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// The event with its control characters escaped, but for the line feed that
/// ends it; nothing where there are none.
fn escape(event: &[u8]) -> Option<Vec<u8>> {
    let body = event.strip_suffix(b"\n").unwrap_or(event);
    // U+0080 to U+009F are control characters too: C2 80 to C2 9F in UTF-8.
    let harmless = !body
        .iter()
        .any(|byte| byte.is_ascii_control() || *byte == 0xC2);
    if harmless {
        return None;
    }
    let mut escaped: Vec<u8> = String::from_utf8_lossy(body)
        .chars()
        .flat_map(|letter| {
            let control = letter.is_control();
            let as_is = (!control).then_some(letter);
            as_is.into_iter().chain(
                control
                    .then(|| letter.escape_default())
                    .into_iter()
                    .flatten(),
            )
        })
        .collect::<String>()
        .into_bytes();
    escaped.push(b'\n');
    Some(escaped)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_value_cannot_begin_a_line_or_colour_a_terminal() {
        let event = "name=\u{1b}[31mred\r\n{\"level\":\"INFO\"} \u{9b}1m end\n";
        let escaped = String::from_utf8(escape(event.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            escaped,
            "name=\\u{1b}[31mred\\r\\n{\"level\":\"INFO\"} \\u{9b}1m end\n"
        );
    }

    #[test]
    fn a_plain_event_is_written_as_it_is() {
        assert_eq!(escape("name=Zoë, plain\n".as_bytes()), None);
    }
}
