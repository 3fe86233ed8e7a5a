//! `grpc-timeout`: gRPC over HTTP/2, "Requests".

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::headers;

/// How long the caller waits; `None` where it does not say, or not in the form
/// of the protocol: up to eight digits and a unit.
pub fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(headers::TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The header for a time, in the finest unit in which it fits, rounded down: a
/// callee never believes that it has longer than its caller.
pub fn write(wait: Duration) -> HeaderValue {
    const MOST: u128 = 99_999_999;
    let (count, unit) = match (wait.as_nanos(), wait.as_micros(), wait.as_millis()) {
        (nanos, ..) if nanos <= MOST => (nanos, 'n'),
        (_, micros, _) if micros <= MOST => (micros, 'u'),
        (.., millis) if millis <= MOST => (millis, 'm'),
        _ => (u128::from(wait.as_secs()).min(MOST), 'S'),
    };
    // Digits and a letter are always a header value.
    HeaderValue::from_str(&format!("{count}{unit}")).unwrap_or(HeaderValue::from_static("0n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_text(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(headers::TIMEOUT, HeaderValue::from_str(text).ok()?);
        read(&headers)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(nanos in 0u64..4_000_000_000_000_000) {
            let wait = Duration::from_nanos(nanos);
            let mut headers = HeaderMap::new();
            headers.insert(headers::TIMEOUT, write(wait));
            let back = read(&headers).expect("it has the form");
            prop_assert!(back <= wait);
            prop_assert!(wait.abs_diff(back) <= wait / 50_000 + Duration::from_nanos(1));
        }

        #[test]
        fn nothing_else_is_read(text in "\\PC{0,12}") {
            let good = text.len() <= 9
                && text.ends_with(['H', 'M', 'S', 'm', 'u', 'n'])
                && text.len() > 1
                && text.bytes().rev().skip(1).all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(read_text(&text).is_some(), good);
        }
    }

    #[test]
    fn units_are_those_of_the_protocol() {
        let cases = [
            ("1H", 3_600_000),
            ("2M", 120_000),
            ("3S", 3000),
            ("4m", 4),
            ("5000u", 5),
            ("6000000n", 6),
        ];
        for (text, millis) in cases {
            assert_eq!(
                read_text(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for bad in [
            "",
            "S",
            "123456789S",
            "-1S",
            "+1S",
            "1",
            "1s",
            "1 S",
            "1.5S",
        ] {
            assert_eq!(read_text(bad), None, "{bad}");
        }
    }
}
