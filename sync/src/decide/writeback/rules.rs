//! What the tracker would refuse, or lose, looked for in a new revision before it is committed (`spec/bd-oracle.md`, write-back). An import
//! is all or nothing: one bad row and nobody's work arrives.

use std::collections::{BTreeMap, HashMap};

use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::reader::read;
use serde_json::Value;

use super::{Deed, Done};

/// A rule that a new revision breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("the new file cannot be read")]
    Unreadable,
    #[error("line {line} was changed, which nothing asked for")]
    OtherLine { line: usize },
    #[error("{bead}: {key} was changed, which an import would not take over or nothing asked for")]
    OtherKey { bead: IssueId, key: String },
    #[error("{bead}: closed_at stands there if and only if the status is closed")]
    ClosedAt { bead: IssueId },
    #[error("{bead}: updated_at went back, and an import would skip the record")]
    Older { bead: IssueId },
    #[error("{bead}: {key} is no instant in whole seconds of UTC")]
    NotWhole { bead: IssueId, key: &'static str },
    #[error("{bead}: closed_at and updated_at differ")]
    TimesDiffer { bead: IssueId },
    #[error("{bead}: {key} can only be added to, an import takes none away")]
    Lost { bead: IssueId, key: &'static str },
    #[error("{bead}: it was added although it is there already")]
    NotNew { bead: IssueId },
    #[error("{bead}: {what}, and the tracker refuses the whole file for it")]
    Refused { bead: IssueId, what: &'static str },
}

impl Violation {
    /// Whose record it is about.
    #[must_use]
    pub fn bead(&self) -> Option<&IssueId> {
        match self {
            Self::Unreadable | Self::OtherLine { .. } => None,
            Self::OtherKey { bead, .. }
            | Self::ClosedAt { bead }
            | Self::Older { bead }
            | Self::NotWhole { bead, .. }
            | Self::TimesDiffer { bead }
            | Self::Lost { bead, .. }
            | Self::NotNew { bead }
            | Self::Refused { bead, .. } => Some(bead),
        }
    }
}

/// Keys that a claim, a close or a return may change. Labels and edges only add up in an import, and deferral is ignored by it.
const OURS: [&str; 7] = [
    "status",
    "assignee",
    "started_at",
    "updated_at",
    "closed_at",
    "close_reason",
    "comments",
];

/// Keys that an update may change.
const FIELDS: [&str; 13] = [
    "status",
    "assignee",
    "started_at",
    "updated_at",
    "closed_at",
    "close_reason",
    "title",
    "description",
    "design",
    "acceptance_criteria",
    "notes",
    "priority",
    "issue_type",
];

/// Lists of a record to which can only be added.
const LISTS: [&str; 3] = ["comments", "labels", "dependencies"];

/// What a deed may change.
fn keys(deed: Deed) -> &'static [&'static str] {
    match deed {
        Deed::Claimed | Deed::Closed | Deed::GivenBack | Deed::ConvoyClosed => &OURS,
        Deed::Updated => &FIELDS,
        Deed::Linked => &["dependencies", "dependency_count", "updated_at"],
        Deed::Labelled => &["labels", "updated_at"],
        Deed::Commented => &["comments", "comment_count", "updated_at"],
        // It was not there before.
        Deed::Created => &[],
    }
}

/// The longest title that an import takes, in bytes.
pub(crate) const MAX_TITLE: usize = 500;

/// The rules that `after` breaks; it was made from `before` by `done`.
#[must_use]
pub fn check(before: &[u8], after: &[u8], done: &[Done]) -> Vec<Violation> {
    let (Ok(old), Ok(new)) = (read(before), read(after)) else {
        return vec![Violation::Unreadable];
    };
    if !new.rejected.is_empty() {
        return vec![Violation::Unreadable];
    }
    let changed: HashMap<&str, &Done> =
        done.iter().map(|done| (done.bead.as_str(), done)).collect();
    let old: HashMap<&str, &Issue<'_>> = old
        .issues
        .iter()
        .map(|issue| (issue.id.as_str(), issue))
        .collect();
    let touched = new
        .issues
        .iter()
        .filter(|issue| changed.contains_key(issue.id.as_str()));
    let touched: Vec<&Issue<'_>> = touched.collect();
    let deed = |issue: &Issue<'_>| changed[issue.id.as_str()].deed;
    let (added, touched): (Vec<&Issue<'_>>, Vec<&Issue<'_>>) = touched
        .into_iter()
        .partition(|issue| deed(issue) == Deed::Created);
    let mut violations = other_lines(before, after, &touched, &added);
    for issue in touched {
        match old.get(issue.id.as_str()) {
            Some(before) => violations.extend(record(before, issue, deed(issue))),
            None => violations.push(Violation::Unreadable),
        }
    }
    for issue in added {
        if old.contains_key(issue.id.as_str()) {
            violations.push(Violation::NotNew {
                bead: issue.id.clone(),
            });
        }
        violations.extend(new_record(issue));
    }
    violations
}

fn other_lines(
    before: &[u8],
    after: &[u8],
    touched: &[&Issue<'_>],
    added: &[&Issue<'_>],
) -> Vec<Violation> {
    let is_one_of =
        |issues: &[&Issue<'_>], line: usize| issues.iter().any(|issue| issue.line == line);
    let mut old = lines(before);
    let mut new = (1..)
        .zip(lines(after))
        .filter(|(line, _)| !is_one_of(added, *line));
    let mut violations = Vec::new();
    loop {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(old), Some((_, new))) if old == new => {}
            (Some(_), Some((line, _))) if is_one_of(touched, line) => {}
            (_, new) => {
                let line = new.map_or(0, |(line, _)| line);
                violations.push(Violation::OtherLine { line });
            }
        }
    }
    violations
}

/// The lines without their ends; what stands behind the last end is one if it is not empty.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    file.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

fn record(before: &Issue<'_>, after: &Issue<'_>, deed: Deed) -> Vec<Violation> {
    let bead = || after.id.clone();
    let mut violations = Vec::new();
    let (Ok(old), Ok(new)) = (fields(before), fields(after)) else {
        return vec![Violation::Unreadable];
    };
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    violations.extend(
        keys.filter(|key| {
            !self::keys(deed).contains(&key.as_str()) && old.get(*key) != new.get(*key)
        })
        .map(|key| Violation::OtherKey {
            bead: bead(),
            key: key.clone(),
        }),
    );
    if (after.status == "closed") != after.closed_at.is_some() {
        violations.push(Violation::ClosedAt { bead: bead() });
    }
    if after.updated_at < before.updated_at {
        violations.push(Violation::Older { bead: bead() });
    }
    let is_closed_now = after.status == "closed" && before.status != "closed";
    if is_closed_now && after.closed_at != after.updated_at {
        violations.push(Violation::TimesDiffer { bead: bead() });
    }
    for key in ["started_at", "updated_at", "closed_at"] {
        let is_new = old.get(key) != new.get(key);
        if is_new && new.get(key).is_some_and(|value| !is_whole(value)) {
            violations.push(Violation::NotWhole { bead: bead(), key });
        }
    }
    for key in LISTS {
        if !list(&new, key).starts_with(list(&old, key)) {
            violations.push(Violation::Lost { bead: bead(), key });
        }
    }
    violations.extend(refusals(after).map(|what| Violation::Refused { bead: bead(), what }));
    violations
}

/// What holds for a record that was not there before.
fn new_record(issue: &Issue<'_>) -> Vec<Violation> {
    let bead = || issue.id.clone();
    let Ok(new) = fields(issue) else {
        return vec![Violation::Unreadable];
    };
    let mut violations: Vec<Violation> = ["created_at", "updated_at"]
        .into_iter()
        .filter(|key| !new.get(*key).is_some_and(is_whole))
        .map(|key| Violation::NotWhole { bead: bead(), key })
        .collect();
    if (issue.status == "closed") != issue.closed_at.is_some() {
        violations.push(Violation::ClosedAt { bead: bead() });
    }
    violations.extend(refusals(issue).map(|what| Violation::Refused { bead: bead(), what }));
    violations
}

/// What makes an import refuse the file.
fn refusals(issue: &Issue<'_>) -> impl Iterator<Item = &'static str> {
    let title = issue.title.len();
    let found = [
        (!(1..=MAX_TITLE).contains(&title)).then_some("its title is not of 1 to 500 bytes"),
        (!(0..=4).contains(&issue.priority)).then_some("its priority is not of 0 to 4"),
    ];
    found.into_iter().flatten()
}

fn fields(issue: &Issue<'_>) -> Result<BTreeMap<String, Value>, serde_json::Error> {
    let fields: BTreeMap<String, Value> = serde_json::from_slice(issue.raw)?;
    Ok(fields
        .into_iter()
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect())
}

fn list<'a>(fields: &'a BTreeMap<String, Value>, key: &str) -> &'a [Value] {
    fields
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// `2026-03-01T10:00:00Z`.
fn is_whole(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 20 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests;
