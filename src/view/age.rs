//! Ages as `kubectl get` prints them.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The time from `then` to `now`, in one or two units: `45s`, `5m10s`, `3h20m`, `6d4h`, `120d`, `3y10d`. A `then` that lies
/// ahead of `now` is `0s`.
#[must_use]
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let two = |value: i64, unit: char, rest: i64, small: char| {
        if rest == 0 {
            format!("{value}{unit}")
        } else {
            format!("{value}{unit}{rest}{small}")
        }
    };
    match seconds {
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, 'm', s % MINUTE, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, 'h', s % HOUR / MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, 'd', s % DAY / HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s / YEAR, 'y', s % YEAR / DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_the_units_that_kubectl_uses() {
        let then = Timestamp::from_second(1_700_000_000).expect("in range");
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (310, "5m10s"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR + 20 * MINUTE, "3h20m"),
            (DAY, "24h"),
            (6 * DAY + 4 * HOUR, "6d4h"),
            (120 * DAY, "120d"),
            (3 * YEAR + 10 * DAY, "3y10d"),
            (9 * YEAR, "9y"),
            (-5, "0s"),
        ] {
            let now = Timestamp::from_second(1_700_000_000 + seconds).expect("in range");
            assert_eq!(age(then, now), text);
        }
    }
}
