//! Reasons that several rule sets give.

use super::Blocker;
use super::graph::Edge;
use crate::issue::{Issue, IssueId};

/// A status that is not one of `startable`.
pub(super) fn status_reason(issue: &Issue<'_>, startable: &[&str]) -> Option<Blocker> {
    (!startable.contains(&&*issue.status)).then(|| Blocker::Status(issue.status.to_string()))
}

/// The types that no bd hands out as work (1.1 names the same in another way).
pub(super) fn type_reason(issue: &Issue<'_>) -> Option<Blocker> {
    const INTERNAL: [&str; 7] = [
        "merge-request",
        "gate",
        "molecule",
        "message",
        "agent",
        "role",
        "rig",
    ];
    INTERNAL
        .contains(&&*issue.issue_type)
        .then(|| Blocker::Type(issue.issue_type.to_string()))
}

/// A part of the id that marks it, compared as SQL's `LIKE` does: without regard to case.
pub(super) fn id_reason(issue: &Issue<'_>, patterns: &[&'static str]) -> Option<Blocker> {
    let id = issue.id.as_str().to_ascii_lowercase();
    let pattern = patterns.iter().find(|pattern| id.contains(**pattern));
    pattern.map(|pattern| Blocker::IdPattern(pattern))
}

/// A wait for the issue that the edge names.
pub(super) fn blocked_by_target(edge: &Edge<'_>) -> Option<Blocker> {
    let id = IssueId::new(&edge.dependency.depends_on_id)?;
    Some(Blocker::BlockedBy(id, edge.dependency.kind.to_string()))
}

/// A wait for something that nobody can look up.
pub(super) fn missing_target(edge: &Edge<'_>) -> Blocker {
    Blocker::MissingTarget(edge.dependency.depends_on_id.to_string())
}

/// The metadata of a waits-for edge.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Gate {
    #[serde(rename = "gate")]
    pub(super) kind: Option<String>,
    pub(super) spawner_id: Option<String>,
}

impl Gate {
    /// Metadata that cannot be read counts as none.
    pub(super) fn of(edge: &Edge<'_>) -> Self {
        let metadata = edge.dependency.metadata.as_deref().unwrap_or_default();
        serde_json::from_str(metadata).unwrap_or_default()
    }
}
