//! What a record means: an issue, a deletion, or another kind of line.

use std::borrow::Cow;

use jiff::Timestamp;

use super::RejectReason;
use super::line::{Line, Rejection};
use super::record::Record;
use crate::issue::{Dependency, Instant, Issue, IssueId};

type Text<'a> = Cow<'a, str>;

/// Turns the record of line `number` into what it means; `warn` takes what is odd but harmless.
pub(super) fn classify<'a>(
    number: usize,
    raw: &'a [u8],
    mut record: Record<'a>,
    warn: &mut impl FnMut(String),
) -> Result<Line<'a>, Rejection> {
    if record.is_header {
        return Ok(Line::Header {
            dolt_commit: record.dolt_commit.map(Cow::into_owned),
        });
    }
    if record.kind.as_ref().is_some_and(|kind| kind != "issue") {
        return Ok(Line::Other);
    }
    let id = valid_id(&mut record)?;
    if is_deletion(&record) {
        let at = deletion_instant(record, &id)?;
        return Ok(Line::Deletion { id, at });
    }
    issue(number, raw, id, record, warn).map(Line::Issue)
}

/// The id of a record without fields of the wrong type.
fn valid_id(record: &mut Record<'_>) -> Result<IssueId, Rejection> {
    let id = record.id.take().unwrap_or_default();
    if id.len() > IssueId::MAX_LEN {
        let message = format!(
            "id is {} bytes long, more than the {} that are read",
            id.len(),
            IssueId::MAX_LEN
        );
        return Err(Rejection::new(RejectReason::TooLong, message));
    }
    let id = IssueId::new(&id);
    if let Some(wrong) = &record.wrong {
        let message = format!("{} is {}, not {}", wrong.field, wrong.found, wrong.wanted);
        return Err(Rejection::new(RejectReason::WrongType, message).of(id));
    }
    id.ok_or_else(|| Rejection::new(RejectReason::NoId, "the record has no id"))
}

/// Whether the record says that its issue is gone: a deletion marker, or a tombstone in any of its three forms.
fn is_deletion(record: &Record<'_>) -> bool {
    let has_deleted_at = record
        .deleted_at
        .as_deref()
        .is_some_and(|at| !at.is_empty());
    record.is_deletion == Some(true)
        || record.status.as_deref() == Some("tombstone")
        || has_deleted_at
}

fn deletion_instant(record: Record<'_>, id: &IssueId) -> Result<Option<Timestamp>, Rejection> {
    let deleted = readable("deleted_at", record.deleted_at, id)?;
    let marked = readable("_deleted_at", record.deletion_at, id)?;
    let updated = instant("updated_at", record.updated_at)
        .unwrap_or_default()
        .map(|instant| instant.at);
    Ok(updated.or(deleted).or(marked))
}

fn issue<'a>(
    line: usize,
    raw: &'a [u8],
    id: IssueId,
    record: Record<'a>,
    warn: &mut impl FnMut(String),
) -> Result<Issue<'a>, Rejection> {
    let priority = record.priority.unwrap_or(0);
    if !(0..=4).contains(&priority) {
        warn(format!("priority {priority} is not one of 0 to 4"));
    }
    Ok(Issue {
        line,
        raw,
        title: record.title.unwrap_or_default(),
        status: filled(record.status).unwrap_or(Cow::Borrowed("open")),
        issue_type: filled(record.issue_type).unwrap_or(Cow::Borrowed("task")),
        priority,
        assignee: filled(record.assignee),
        created_at: dated("created_at", record.created_at, warn),
        updated_at: dated("updated_at", record.updated_at, warn).map(|updated| updated.at),
        closed_at: dated("closed_at", record.closed_at, warn).map(|closed| closed.at),
        defer_until: readable("defer_until", record.defer_until, &id)?,
        close_reason: filled(record.close_reason),
        pinned: record.pinned == Some(true),
        ephemeral: record.ephemeral == Some(true),
        wisp: record.wisp == Some(true),
        is_template: record.is_template == Some(true),
        labels: record.labels.unwrap_or_default(),
        dependencies: edges(record.dependencies.unwrap_or_default(), &id, warn),
        id,
    })
}

/// The edges, each with its dependent.
fn edges<'a>(
    mut edges: Vec<Dependency<'a>>,
    id: &IssueId,
    warn: &mut impl FnMut(String),
) -> Vec<Dependency<'a>> {
    for edge in &mut edges {
        if edge.issue_id.is_empty() {
            edge.issue_id = Cow::Owned(id.as_str().to_owned());
        }
        if edge.kind.is_empty() || edge.depends_on_id.is_empty() {
            warn("an edge without a type or a target has no effect".to_owned());
        }
    }
    edges
}

fn filled(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.is_empty())
}

/// An instant that orders but does not decide: one that cannot be read is worth a warning.
fn dated<'a>(
    field: &str,
    text: Option<Text<'a>>,
    warn: &mut impl FnMut(String),
) -> Option<Instant<'a>> {
    instant(field, text).unwrap_or_else(|message| {
        warn(message);
        None
    })
}

/// An instant that decides whether an issue is there or ready: one that cannot be read rejects the line.
fn readable(
    field: &str,
    text: Option<Text<'_>>,
    id: &IssueId,
) -> Result<Option<Timestamp>, Rejection> {
    let instant = instant(field, text)
        .map_err(|message| Rejection::new(RejectReason::WrongType, message).of(Some(id.clone())))?;
    Ok(instant.map(|instant| instant.at))
}

/// # Errors
/// What to say of a text that is no instant.
fn instant<'a>(field: &str, text: Option<Text<'a>>) -> Result<Option<Instant<'a>>, String> {
    let instant = filled(text).map(Instant::parse).transpose();
    instant.map_err(|text| {
        let excerpt: String = text.chars().take(40).collect();
        format!("{field} is {excerpt:?}, not an RFC 3339 instant")
    })
}
