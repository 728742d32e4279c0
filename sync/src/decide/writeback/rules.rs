//! What the tracker would refuse, or lose, looked for in a new revision before it is committed (`spec/bd-oracle.md`, write-back). An import
//! is all or nothing: one bad row and nobody's work arrives.

use std::collections::{BTreeMap, HashMap};

use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::reader::read;
use serde_json::Value;

use super::Done;

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
    #[error("{bead}: comments can only be added")]
    CommentsLost { bead: IssueId },
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
            | Self::CommentsLost { bead }
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

/// The longest title that an import takes, in bytes.
const MAX_TITLE: usize = 500;

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
    let mut violations = other_lines(before, after, &touched);
    for issue in touched {
        match old.get(issue.id.as_str()) {
            Some(before) => violations.extend(record(before, issue)),
            None => violations.push(Violation::Unreadable),
        }
    }
    violations
}

fn other_lines(before: &[u8], after: &[u8], touched: &[&Issue<'_>]) -> Vec<Violation> {
    let (mut old, mut new) = (
        before.split(|byte| *byte == b'\n'),
        after.split(|byte| *byte == b'\n'),
    );
    let mut violations = Vec::new();
    for line in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) if touched.iter().any(|issue| issue.line == line) => {}
            _ => violations.push(Violation::OtherLine { line }),
        }
    }
    violations
}

fn record(before: &Issue<'_>, after: &Issue<'_>) -> Vec<Violation> {
    let bead = || after.id.clone();
    let mut violations = Vec::new();
    let (Ok(old), Ok(new)) = (fields(before), fields(after)) else {
        return vec![Violation::Unreadable];
    };
    let keys = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)));
    violations.extend(
        keys.filter(|key| !OURS.contains(&key.as_str()) && old.get(*key) != new.get(*key))
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
    if after.status == "closed" && after.closed_at != after.updated_at {
        violations.push(Violation::TimesDiffer { bead: bead() });
    }
    for key in ["started_at", "updated_at", "closed_at"] {
        let is_new = old.get(key) != new.get(key);
        if is_new && new.get(key).is_some_and(|value| !is_whole(value)) {
            violations.push(Violation::NotWhole { bead: bead(), key });
        }
    }
    if !list(&new, "comments").starts_with(list(&old, "comments")) {
        violations.push(Violation::CommentsLost { bead: bead() });
    }
    violations.extend(refusals(after).map(|what| Violation::Refused { bead: bead(), what }));
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
mod tests {
    use super::super::Deed;
    use super::*;

    const BEFORE: &str = concat!(
        r#"{"id":"gt-1","title":"t","status":"open","priority":1,"updated_at":"2026-03-01T10:00:00Z","labels":["a"],"comments":[{"id":"c"}]}"#,
        "\n",
        r#"{"id":"gt-2","title":"t","status":"open"}"#,
        "\n"
    );

    #[track_caller]
    fn check_rule(edit: (&str, &str), expected: &str) {
        let closed = BEFORE.replacen(
            r#""status":"open""#,
            r#""status":"closed","closed_at":"2026-03-01T11:00:00Z""#,
            1,
        );
        let closed = closed.replacen(
            r#""updated_at":"2026-03-01T10"#,
            r#""updated_at":"2026-03-01T11"#,
            1,
        );
        let after = closed.replacen(edit.0, edit.1, 1);
        assert!(edit.0.is_empty() || after != closed, "the edit hits");
        let done = [Done {
            bead: IssueId::new("gt-1").unwrap(),
            deed: Deed::Closed,
            by: String::new(),
        }];
        let found: Vec<String> = check(BEFORE.as_bytes(), after.as_bytes(), &done)
            .iter()
            .map(ToString::to_string)
            .collect();
        if expected.is_empty() {
            assert_eq!(found, Vec::<String>::new());
        } else {
            assert!(
                found.iter().any(|text| text.contains(expected)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_close_breaks_no_rule() {
        check_rule(("", ""), "");
    }

    #[test]
    fn each_rule_is_found_broken() {
        for (edit, expected) in [
            (
                (r#","closed_at":"2026-03-01T11:00:00Z""#, ""),
                "closed_at stands there",
            ),
            (
                (r#""status":"closed""#, r#""status":"open""#),
                "closed_at stands there",
            ),
            (
                (
                    r#""updated_at":"2026-03-01T11:00:00Z""#,
                    r#""updated_at":"2026-03-01T09:00:00Z""#,
                ),
                "went back",
            ),
            (
                (
                    r#""updated_at":"2026-03-01T11:00:00Z""#,
                    r#""updated_at":"2026-03-01T12:00:00Z""#,
                ),
                "differ",
            ),
            (
                (
                    r#""closed_at":"2026-03-01T11:00:00Z""#,
                    r#""closed_at":"2026-03-01T11:00:00.5Z""#,
                ),
                "whole seconds",
            ),
            (
                (
                    r#""closed_at":"2026-03-01T11:00:00Z""#,
                    r#""closed_at":"2026-03-01T12:00:00+01:00""#,
                ),
                "whole seconds",
            ),
            (
                (r#""labels":["a"]"#, r#""labels":[]"#),
                "labels was changed",
            ),
            (
                (
                    r#""priority":1"#,
                    r#""priority":1,"defer_until":"2027-01-01T00:00:00Z""#,
                ),
                "defer_until was changed",
            ),
            ((r#""priority":1"#, r#""priority":9"#), "priority"),
            ((r#"[{"id":"c"}]"#, "[]"), "comments can only be added"),
            ((r#"{"id":"gt-2""#, r#"{"id":"gt-3""#), "line 2 was changed"),
            (
                (r#"{"id":"gt-2","title":"t","status":"open"}"#, "{"),
                "cannot be read",
            ),
        ] {
            check_rule(edit, expected);
        }
    }

    #[test]
    fn record_that_the_tracker_refuses_is_not_touched_either() {
        let long = format!(r#""title":"{}""#, "x".repeat(501));
        check_rule((r#""title":"t""#, &long), "1 to 500 bytes");
        check_rule((r#""title":"t""#, r#""title":"""#), "1 to 500 bytes");
    }
}
