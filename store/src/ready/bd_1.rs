//! bd 1.0.5, and 1.1 and later: the profiles C and D of `spec/beads.md` §3.

use super::decide::Rules;
use super::graph::{Edge, Graph, Target, kind};
use super::reasons::{Gate, blocked_by_target, status_reason, type_reason};
use super::{Blocker, urgency};
use crate::issue::{Issue, IssueId};

/// The rules on Dolt, and what changed in them.
pub(super) struct Bd1 {
    order: CreatedOrder,
    /// Labels that keep an issue for people.
    labels_for_people: &'static [&'static str],
}

/// Which of two equally urgent issues comes first.
enum CreatedOrder {
    OldestFirst,
    NewestFirst,
}

pub(super) const BD_1_1: Bd1 = Bd1 {
    order: CreatedOrder::OldestFirst,
    labels_for_people: &["human"],
};

pub(super) const BD_1_0_5: Bd1 = Bd1 {
    order: CreatedOrder::NewestFirst,
    labels_for_people: &[],
};

impl Rules for Bd1 {
    const REACH: u32 = u32::MAX;
    const CHILDREN_WAIT_FOR_DEFERRED_PARENT: bool = true;

    fn own_reasons(&self, issue: &Issue<'_>) -> Vec<Blocker> {
        let mut reasons = Vec::new();
        reasons.extend(status_reason(issue, &["open"]));
        reasons.extend(issue.pinned.then_some(Blocker::Pinned));
        reasons.extend((issue.ephemeral || issue.wisp).then_some(Blocker::Ephemeral));
        reasons.extend(type_reason(issue));
        let for_people = self
            .labels_for_people
            .iter()
            .find(|label| issue.labels.iter().any(|own| own == *label));
        reasons.extend(for_people.map(|label| Blocker::Label((*label).to_owned())));
        reasons
    }

    fn can_be_blocked(&self, issue: &Issue<'_>) -> bool {
        is_active(&issue.status)
    }

    fn edge_blocker(&self, graph: &Graph<'_>, edge: &Edge<'_>) -> Option<Blocker> {
        let Target::Issue(target) = edge.target else {
            return None;
        };
        let target = &graph.reading.issues[target];
        match &*edge.dependency.kind {
            kind::BLOCKS | kind::CONDITIONAL_BLOCKS if is_active(&target.status) => {
                blocked_by_target(edge)
            }
            kind::WAITS_FOR if must_wait(graph, edge, &target.id) => {
                Some(Blocker::WaitsFor(target.id.clone()))
            }
            _ => None,
        }
    }

    fn sort_key<'a>(&self, issue: &'a Issue<'_>) -> impl Ord + 'a {
        let second = created_second(issue);
        let created = match self.order {
            CreatedOrder::OldestFirst => second,
            CreatedOrder::NewestFirst => -second,
        };
        (urgency(issue), created, issue.id.as_str())
    }
}

fn is_active(status: &str) -> bool {
    !matches!(status, "closed" | "pinned")
}

/// Without a gate, the first closed child is enough; so it was observed, whatever the documentation says.
fn must_wait(graph: &Graph<'_>, edge: &Edge<'_>, spawner: &IssueId) -> bool {
    let children = graph.family(spawner.as_str());
    let gate = Gate::of(edge).kind;
    let one_is_enough = gate.is_none_or(|gate| gate == "any-children");
    children.any_active && !(one_is_enough && children.any_closed)
}

/// `created_at` in the whole seconds of the tracker's column, rounded half up. The tracker fills in the moment of its
/// import where there is none, so that such an issue is the newest.
fn created_second(issue: &Issue<'_>) -> i128 {
    let created = issue.created_at.as_ref().map(|created| created.at);
    created.map_or(i128::MAX, |at| {
        (at.as_nanosecond() + 500_000_000).div_euclid(1_000_000_000)
    })
}
