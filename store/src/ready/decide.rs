//! What all rule sets have in common.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::graph::{Edge, Graph, Target, kind};
use super::reasons::missing_target;
use super::{Blocker, Readiness};
use crate::issue::Issue;
use crate::reader::Reading;

/// What the rule sets differ in.
pub(super) trait Rules {
    /// How many generations down a blocked parent blocks.
    const REACH: u32;

    /// Whether the children of a deferred issue wait as well.
    const CHILDREN_WAIT_FOR_DEFERRED_PARENT: bool;

    /// Reasons that lie in the issue itself, but for its own deferral.
    fn own_reasons(&self, issue: &Issue<'_>) -> Vec<Blocker>;

    /// Whether an issue can be blocked, so that a block reaches it and its children.
    fn can_be_blocked(&self, issue: &Issue<'_>) -> bool;

    /// Why an edge by itself blocks its dependent.
    fn edge_blocker(&self, graph: &Graph<'_>, edge: &Edge<'_>) -> Option<Blocker>;

    /// The key that the tracker sorts ready issues by.
    fn sort_key<'a>(&self, issue: &'a Issue<'_>) -> impl Ord + 'a;
}

/// READY by a rule set, in time and memory proportional to issues and edges.
pub(super) fn decide(reading: &Reading<'_>, rules: &impl Rules, now: Timestamp) -> Readiness {
    let graph = Graph::new(reading);
    let depths = blocked_depths(&graph, rules);
    let issues = reading.issues.iter().enumerate();
    let blockers: Vec<_> = issues
        .map(|(index, _)| blockers(&graph, rules, &depths, index, now))
        .collect();
    let mut ready: Vec<_> = (0..blockers.len())
        .filter(|index| blockers[*index].is_empty())
        .collect();
    ready.sort_by_cached_key(|index| rules.sort_key(&reading.issues[*index]));
    let next_change = blockers.iter().flatten().filter_map(Blocker::ends_at).min();
    Readiness {
        ready,
        blockers,
        next_change,
    }
}

/// For each issue how many generations above it the nearest cause of its being blocked lies; `None` where it is not.
fn blocked_depths<R: Rules>(graph: &Graph<'_>, rules: &R) -> Vec<Option<u32>> {
    let issues = &graph.reading.issues;
    let is_blocked_itself = |index: &usize| {
        let edges = graph.edges(*index);
        rules.can_be_blocked(&issues[*index])
            && edges
                .iter()
                .any(|edge| direct_blocker(graph, rules, edge).is_some())
    };
    let mut depths = vec![None; issues.len()];
    let mut queue: VecDeque<_> = (0..issues.len())
        .filter(is_blocked_itself)
        .map(|index| (index, 0))
        .collect();
    queue
        .iter()
        .for_each(|(index, depth)| depths[*index] = Some(*depth));
    while let Some((parent, depth)) = queue.pop_front() {
        if depth == R::REACH {
            continue;
        }
        for child in graph.children(parent) {
            if depths[*child].is_none() && rules.can_be_blocked(&issues[*child]) {
                depths[*child] = Some(depth + 1);
                queue.push_back((*child, depth + 1));
            }
        }
    }
    depths
}

/// Why an edge by itself blocks its dependent. What may stand on an unread line blocks: nobody knows its status.
fn direct_blocker(graph: &Graph<'_>, rules: &impl Rules, edge: &Edge<'_>) -> Option<Blocker> {
    const AFFECT_READY: [&str; 4] = [
        kind::BLOCKS,
        kind::CONDITIONAL_BLOCKS,
        kind::WAITS_FOR,
        kind::PARENT_CHILD,
    ];
    let kind = &*edge.dependency.kind;
    match edge.target {
        _ if !AFFECT_READY.contains(&kind) => None,
        Target::Unread => Some(missing_target(edge)),
        _ => rules.edge_blocker(graph, edge),
    }
}

fn blockers<R: Rules>(
    graph: &Graph<'_>,
    rules: &R,
    depths: &[Option<u32>],
    index: usize,
    now: Timestamp,
) -> Vec<Blocker> {
    let issue = &graph.reading.issues[index];
    if issue.status == "closed" {
        return vec![Blocker::Status(issue.status.to_string())];
    }
    let mut reasons = rules.own_reasons(issue);
    reasons.extend(deferral(issue, now).map(Blocker::DeferredUntil));
    for edge in graph.edges(index) {
        if depths[index].is_some() {
            reasons.extend(direct_blocker(graph, rules, edge));
        }
        if let (kind::PARENT_CHILD, Target::Issue(parent)) = (&*edge.dependency.kind, edge.target) {
            let parent_reaches = depths[parent].is_some_and(|depth| depth < R::REACH);
            if depths[index].is_some() && parent_reaches {
                reasons.push(Blocker::ParentBlocked(
                    graph.reading.issues[parent].id.clone(),
                ));
            }
            if R::CHILDREN_WAIT_FOR_DEFERRED_PARENT {
                reasons.extend(parent_deferral(&graph.reading.issues[parent], now));
            }
        }
    }
    reasons
}

fn deferral(issue: &Issue<'_>, now: Timestamp) -> Option<Timestamp> {
    issue.defer_until.filter(|until| *until > now)
}

fn parent_deferral(parent: &Issue<'_>, now: Timestamp) -> Option<Blocker> {
    deferral(parent, now).map(|until| Blocker::ParentDeferredUntil(parent.id.clone(), until))
}

impl Blocker {
    /// When the reason goes away by itself.
    fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::DeferredUntil(at) | Self::ParentDeferredUntil(_, at) => Some(*at),
            _ => None,
        }
    }
}
