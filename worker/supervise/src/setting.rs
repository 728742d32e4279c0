//! Values as people write them in settings.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration: write 30s, 15m, 1h30m or a number of seconds")]
pub struct DurationError {
    text: String,
}

/// Reads `90`, `90s`, `15m`, `1h30m`, `250ms`.
///
/// # Errors
/// When it is anything else, or too long to count in milliseconds.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError {
        text: text.to_owned(),
    };
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| digits + at);
        let number: u32 = rest[..digits].parse().map_err(|_| wrong())?;
        total = total
            .checked_add(unit(&rest[digits..unit_end], number).ok_or_else(wrong)?)
            .ok_or_else(wrong)?;
        rest = &rest[unit_end..];
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Ok(total)
    }
}

fn unit(unit: &str, number: u32) -> Option<Duration> {
    let number = u64::from(number);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(60 * number)),
        "h" => Some(Duration::from_secs(3600 * number)),
        _ => None,
    }
}

/// A duration for a person, to the second: `1h2m3s`.
#[must_use]
pub fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90", 90.0),
            ("90s", 90.0),
            ("15m", 900.0),
            ("1h30m", 5400.0),
            ("250ms", 0.25),
            ("0", 0.0),
        ] {
            assert_eq!(
                duration(text).map(|d| d.as_secs_f64()),
                Ok(seconds),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused_by_name() {
        for text in ["", "s", "1d", "-1s", "1.5h", "99999999999s", "1h 30m"] {
            assert!(
                duration(text)
                    .unwrap_err()
                    .to_string()
                    .contains(&format!("{text:?}"))
            );
        }
    }

    #[test]
    fn durations_are_shown_to_the_second() {
        assert_eq!(shown(Duration::from_millis(3_723_900)), "1h2m3s");
        assert_eq!(shown(Duration::from_secs(60)), "1m0s");
        assert_eq!(shown(Duration::ZERO), "0s");
    }
}
