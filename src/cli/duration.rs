//! Durations as people write them: `30s`, `5m`, `1h30m`, `7d`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a duration of zero or more. A day is 24 hours, a week 7 days; months and years have no fixed length and are refused.
///
/// # Errors
/// When the text is not a duration, is negative, or names a unit without a fixed length.
pub fn duration(text: &str) -> Result<Duration, String> {
    let hint = "write it like 30s, 5m, 1h30m or 7d";
    let span: Span = text
        .parse()
        .map_err(|_| format!("not a duration; {hint}"))?;
    let signed = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("months and years have no fixed length; {hint}"))?;
    Duration::try_from(signed).map_err(|_| format!("a duration cannot be negative; {hint}"))
}

/// Reads a duration of more than zero.
///
/// # Errors
/// As [`duration`], and when it is zero.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than zero".to_owned()),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("0s", 0),
            ("PT1M", 60),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_a_hint() {
        for text in ["", "5", "soon", "-5s", "1mo", "1y", "5 parsecs"] {
            let message = duration(text).expect_err(text);
            assert!(message.contains("write it like 30s"), "{text}: {message}");
        }
        assert_eq!(
            positive_duration("0s"),
            Err("must be more than zero".to_owned())
        );
    }
}
