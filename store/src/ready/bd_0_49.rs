//! bd 0.49, the last tracker on SQLite: profile A of `spec/beads.md` §3.

use super::decide::Rules;
use super::graph::{Edge, Graph, Target, kind};
use super::reasons::{Gate, blocked_by_target, id_reason, status_reason, type_reason};
use super::{Blocker, urgency};
use crate::issue::{Issue, IssueId};

pub(super) struct Bd049;

impl Rules for Bd049 {
    const REACH: u32 = 50;
    const CHILDREN_WAIT_FOR_DEFERRED_PARENT: bool = false;

    fn own_reasons(&self, issue: &Issue<'_>) -> Vec<Blocker> {
        let mut reasons = Vec::new();
        reasons.extend(status_reason(issue, &["open"]));
        reasons.extend(issue.pinned.then_some(Blocker::Pinned));
        reasons.extend(issue.ephemeral.then_some(Blocker::Ephemeral));
        reasons.extend(type_reason(issue));
        reasons.extend(id_reason(issue, &["-mol-", "-wisp-"]));
        reasons
    }

    /// Closed issues too: a block passes through them to their children.
    fn can_be_blocked(&self, _: &Issue<'_>) -> bool {
        true
    }

    fn edge_blocker(&self, graph: &Graph<'_>, edge: &Edge<'_>) -> Option<Blocker> {
        match &*edge.dependency.kind {
            kind::BLOCKS if is_open(graph.status(edge.target)?) => blocked_by_target(edge),
            kind::CONDITIONAL_BLOCKS if condition_fails(graph, edge) => blocked_by_target(edge),
            kind::WAITS_FOR => waits_for(graph, edge),
            _ => None,
        }
    }

    /// The tracker compares `created_at` as the text it stored, and at a tie the depth of the id.
    fn sort_key<'a>(&self, issue: &'a Issue<'_>) -> impl Ord + 'a {
        let stored = issue
            .created_at
            .as_ref()
            .map(|created| stored_text(&created.text));
        let id = issue.id.as_str();
        (
            urgency(issue),
            stored.is_none(),
            stored,
            id.matches('.').count(),
            id,
        )
    }
}

fn is_open(status: &str) -> bool {
    matches!(
        status,
        "open" | "in_progress" | "blocked" | "deferred" | "hooked"
    )
}

/// A conditional edge runs its dependent only after a failure.
fn condition_fails(graph: &Graph<'_>, edge: &Edge<'_>) -> bool {
    let Target::Issue(target) = edge.target else {
        return false;
    };
    let target = &graph.reading.issues[target];
    match &*target.status {
        "hooked" => false,
        "closed" => !is_failure(target.close_reason.as_deref().unwrap_or_default()),
        status => is_open(status),
    }
}

/// Whether a reason for closing tells of a failure.
fn is_failure(close_reason: &str) -> bool {
    const WORDS: [&str; 11] = [
        "failed",
        "rejected",
        "wontfix",
        "won't fix",
        "canceled",
        "cancelled",
        "abandoned",
        "blocked",
        "error",
        "timeout",
        "aborted",
    ];
    let reason = close_reason.to_ascii_lowercase();
    WORDS.iter().any(|word| reason.contains(word))
}

fn waits_for(graph: &Graph<'_>, edge: &Edge<'_>) -> Option<Blocker> {
    let gate = Gate::of(edge);
    let spawner = gate
        .spawner_id
        .as_deref()
        .unwrap_or(&edge.dependency.depends_on_id);
    let children = graph.family(spawner);
    let must_wait = match gate.kind.as_deref() {
        None | Some("all-children") => children.any_not_closed,
        Some("any-children") => !children.any_closed,
        Some(_) => false,
    };
    IssueId::new(spawner)
        .filter(|_| must_wait)
        .map(Blocker::WaitsFor)
}

/// An instant as the tracker's database holds it: no zeros at the end of the fraction, and `Z` where the offset is zero.
fn stored_text(text: &str) -> String {
    let Some((clock, rest)) = text.split_at_checked("2001-01-01T00:00:00".len()) else {
        return text.to_owned();
    };
    let offset_at = rest
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (fraction, offset) = rest.split_at(offset_at);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let offset = if matches!(offset, "+00:00" | "-00:00") {
        "Z"
    } else {
        offset
    };
    format!("{clock}{fraction}{offset}")
}
