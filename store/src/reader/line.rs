//! One line to an issue, a deletion or a reason why not.

use jiff::Timestamp;

use super::classify::classify;
use super::record::{self, Record};
use super::{MAX_LINE, RejectReason, Rejected, Warning, salvage};
use crate::issue::{Issue, IssueId};

/// What a line holds.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and moved on at once"
)]
pub(super) enum Line<'a> {
    Issue(Issue<'a>),
    Deletion {
        id: IssueId,
        at: Option<Timestamp>,
    },
    Header {
        dolt_commit: Option<String>,
    },
    /// A record of another kind.
    Other,
}

/// Why a line cannot be read.
#[derive(Debug)]
pub(super) struct Rejection {
    reason: RejectReason,
    message: String,
    id: Option<IssueId>,
}

impl Rejection {
    pub(super) fn new(reason: RejectReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            id: None,
        }
    }

    /// With the id that the line gives away.
    pub(super) fn of(self, id: Option<IssueId>) -> Self {
        Self { id, ..self }
    }

    pub(super) fn on(self, line: usize) -> Rejected {
        Rejected {
            line,
            reason: self.reason,
            message: self.message,
            id: self.id,
        }
    }
}

/// Parses a line that is not blank.
pub(super) fn parse<'a>(
    number: usize,
    raw: &'a [u8],
    warnings: &mut Vec<Warning>,
) -> Result<Line<'a>, Rejection> {
    if raw.len() > MAX_LINE {
        let message = format!(
            "the line is {} bytes long, more than the {MAX_LINE} that are read",
            raw.len()
        );
        return Err(Rejection::new(RejectReason::TooLong, message));
    }
    let mut warn = |message: String| {
        warnings.push(Warning {
            line: number,
            message,
        })
    };
    let record = if let Ok(text) = std::str::from_utf8(raw) {
        parse_json(text, &mut warn)?
    } else {
        warn("the line is not UTF-8: bytes that are not were read as U+FFFD".to_owned());
        parse_json(&String::from_utf8_lossy(raw), &mut warn)?.into_owned()
    };
    classify(number, raw, record, &mut warn)
}

fn parse_json<'a>(text: &'a str, warn: &mut impl FnMut(String)) -> Result<Record<'a>, Rejection> {
    let error = match record::parse(text) {
        Ok(record) => return Ok(record),
        Err(error) => error,
    };
    if let Some(record) = record_with_mended_escapes(text) {
        warn("half of a surrogate pair was read as U+FFFD".to_owned());
        return Ok(record);
    }
    Err(complaint(text.trim_ascii(), &error).of(salvage::id(text)))
}

fn record_with_mended_escapes(text: &str) -> Option<Record<'static>> {
    let mended = salvage::without_lone_surrogates(text)?;
    Some(record::parse(&mended).ok()?.into_owned())
}

/// What is wrong with a line that did not parse.
fn complaint(text: &str, error: &serde_json::Error) -> Rejection {
    if error.is_eof() {
        return Rejection::new(RejectReason::Truncated, "the end of the line is missing");
    }
    if !text.starts_with('{') && text.ends_with('}') {
        return Rejection::new(
            RejectReason::Truncated,
            "the beginning of the line is missing",
        );
    }
    if error.is_data() {
        return Rejection::new(
            RejectReason::NotAnObject,
            "the line is JSON, but not an object",
        );
    }
    let full = error.to_string();
    let what = full.split(" at line ").next().unwrap_or_default();
    let message = format!("the line is not JSON: {what} at column {}", error.column());
    Rejection::new(RejectReason::NotJson, message)
}
