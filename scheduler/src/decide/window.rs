//! Dispatch windows: when polecats may be started.

use std::time::Duration;

use beadlet_store::kinds;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;

/// A time that opens again and again.
#[derive(Clone, Debug)]
pub struct Window {
    opens: Cron,
    /// The cron expression, with seconds.
    expression: String,
    duration: Duration,
    zone: Tz,
}

/// Whether polecats may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doors {
    /// No windows are set, or one is open until then.
    Open { until: Option<Timestamp> },
    /// The next one opens then; `None` when none ever will.
    Closed { until: Option<Timestamp> },
}

/// Why a window cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("dispatch window {opens:?} is not a cron expression: {why}")]
    Cron { opens: String, why: String },
    #[error(
        "dispatch window {opens:?} is in the unknown time zone {zone:?}: use an IANA name such as Europe/Berlin"
    )]
    Zone { opens: String, zone: String },
    #[error("dispatch window {opens:?}: {source}")]
    Duration {
        opens: String,
        source: kinds::NotADuration,
    },
}

impl Window {
    /// # Errors
    /// When the expression, the time zone or the duration says nothing.
    pub fn parse(window: &kinds::Window) -> Result<Self, WindowError> {
        let kinds::Window {
            opens,
            duration,
            time_zone,
        } = window;
        let expression = with_seconds(opens);
        let parser = CronParser::builder().seconds(Seconds::Required).build();
        let cron = parser
            .parse(&expression)
            .map_err(|error| WindowError::Cron {
                opens: opens.clone(),
                why: error.to_string(),
            })?;
        let zone = time_zone.as_deref().unwrap_or("UTC");
        let unknown = |_| WindowError::Zone {
            opens: opens.clone(),
            zone: zone.to_owned(),
        };
        Ok(Self {
            opens: cron,
            expression,
            duration: duration.parse().map_err(|source| WindowError::Duration {
                opens: opens.clone(),
                source,
            })?,
            zone: zone.parse().map_err(unknown)?,
        })
    }

    /// The cron expression with six fields, seconds first.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// When it closes, if it is open.
    fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let opened = self
            .opens
            .find_previous_occurrence(&self.local(now)?, true)
            .ok()?;
        let closes = from_chrono(&opened)?.checked_add(self.duration).ok()?;
        (closes > now).then_some(closes)
    }

    fn opens_next(&self, now: Timestamp) -> Option<Timestamp> {
        from_chrono(
            &self
                .opens
                .find_next_occurrence(&self.local(now)?, false)
                .ok()?,
        )
    }

    fn local(&self, at: Timestamp) -> Option<DateTime<Tz>> {
        let utc =
            DateTime::<Utc>::from_timestamp(at.as_second(), at.subsec_nanosecond().unsigned_abs())?;
        Some(utc.with_timezone(&self.zone))
    }
}

/// The state of a set of windows at `now`.
#[must_use]
pub fn doors(windows: &[Window], now: Timestamp) -> Doors {
    if windows.is_empty() {
        return Doors::Open { until: None };
    }
    match windows
        .iter()
        .filter_map(|window| window.open_until(now))
        .max()
    {
        until @ Some(_) => Doors::Open { until },
        None => Doors::Closed {
            until: windows
                .iter()
                .filter_map(|window| window.opens_next(now))
                .min(),
        },
    }
}

fn with_seconds(expression: &str) -> String {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    match fields.len() {
        5 => format!("0 {}", fields.join(" ")),
        _ => fields.join(" "),
    }
}

fn from_chrono(at: &DateTime<Tz>) -> Option<Timestamp> {
    Timestamp::from_second(at.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(opens: &str, duration: &str, zone: Option<&str>) -> Result<Window, WindowError> {
        Window::parse(&kinds::Window {
            opens: opens.into(),
            duration: duration.into(),
            time_zone: zone.map(Into::into),
        })
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn state(opens: &str, duration: &str, zone: Option<&str>, now: &str) -> Doors {
        doors(&[window(opens, duration, zone).unwrap()], at(now))
    }

    #[test]
    fn no_windows_are_always_open() {
        assert_eq!(
            doors(&[], at("2026-01-01T00:00:00Z")),
            Doors::Open { until: None }
        );
    }

    #[test]
    fn window_is_open_from_its_minute_until_its_duration_is_over() {
        let open = Doors::Open {
            until: Some(at("2026-01-06T04:00:00Z")),
        };
        let closed = |until| Doors::Closed {
            until: Some(at(until)),
        };
        let state = |now| state("0 20 * * 1-5", "8h", None, now);
        assert_eq!(
            state("2026-01-05T19:59:59Z"),
            closed("2026-01-05T20:00:00Z")
        );
        assert_eq!(state("2026-01-05T20:00:00Z"), open);
        assert_eq!(state("2026-01-06T03:59:59Z"), open);
        assert_eq!(
            state("2026-01-06T04:00:00Z"),
            closed("2026-01-06T20:00:00Z")
        );
        assert_eq!(
            state("2026-01-10T04:00:00Z"),
            closed("2026-01-12T20:00:00Z"),
            "over the weekend"
        );
    }

    #[test]
    fn window_follows_its_time_zone_through_the_change_of_the_clock() {
        let berlin = |now| state("0 20 * * *", "1h", Some("Europe/Berlin"), now);
        assert_eq!(
            berlin("2026-01-05T19:30:00Z"),
            Doors::Open {
                until: Some(at("2026-01-05T20:00:00Z"))
            }
        );
        assert_eq!(
            berlin("2026-07-05T18:30:00Z"),
            Doors::Open {
                until: Some(at("2026-07-05T19:00:00Z"))
            }
        );
    }

    #[test]
    fn the_last_window_to_close_counts() {
        let both = [
            window("0 8 * * *", "4h", None).unwrap(),
            window("30 0 9 * * *", "1h", None).unwrap(),
        ];
        assert_eq!(
            doors(&both, at("2026-01-05T09:30:00Z")),
            Doors::Open {
                until: Some(at("2026-01-05T12:00:00Z"))
            }
        );
    }

    #[test]
    fn what_cannot_be_is_said_with_the_window_it_is_about() {
        let said = |result: Result<Window, WindowError>| result.unwrap_err().to_string();
        assert!(
            said(window("61 * * * *", "1h", None))
                .starts_with("dispatch window \"61 * * * *\" is not a cron expression")
        );
        assert!(
            said(window("0 8 * * *", "1h", Some("Mars/Olympus")))
                .contains("unknown time zone \"Mars/Olympus\"")
        );
        assert!(said(window("0 8 * * *", "soon", None)).contains("\"soon\" is not a duration"));
    }
}
