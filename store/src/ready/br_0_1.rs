//! beads_rust 0.1 (up to 0.1.12): `spec/beads.md` §3.4.

use super::Blocker;
use super::decide::Rules;
use super::graph::{Edge, Graph, Target, kind};
use super::reasons::{blocked_by_target, id_reason, missing_target, status_reason};
use crate::issue::Issue;

pub(super) struct Br01;

impl Rules for Br01 {
    const REACH: u32 = 50;
    const CHILDREN_WAIT_FOR_DEFERRED_PARENT: bool = false;

    fn own_reasons(&self, issue: &Issue<'_>) -> Vec<Blocker> {
        let mut reasons = Vec::new();
        reasons.extend(status_reason(issue, &["open", "in_progress"]));
        reasons.extend(issue.pinned.then_some(Blocker::Pinned));
        reasons.extend(issue.ephemeral.then_some(Blocker::Ephemeral));
        reasons.extend(issue.is_template.then_some(Blocker::Template));
        reasons.extend(id_reason(issue, &["-wisp-"]));
        reasons
    }

    fn can_be_blocked(&self, _: &Issue<'_>) -> bool {
        true
    }

    /// One rule for all three types; what is not in the file blocks, since nobody can say that it is done. Of a parent
    /// that holds only for one in another project.
    fn edge_blocker(&self, graph: &Graph<'_>, edge: &Edge<'_>) -> Option<Blocker> {
        let kind = &*edge.dependency.kind;
        let is_blocking = matches!(
            kind,
            kind::BLOCKS | kind::CONDITIONAL_BLOCKS | kind::WAITS_FOR
        );
        let is_missing = match edge.target {
            Target::External => is_blocking || kind == kind::PARENT_CHILD,
            target => is_blocking && target == Target::Missing,
        };
        if is_missing {
            return Some(missing_target(edge));
        }
        let is_open = graph
            .status(edge.target)
            .is_some_and(|status| status != "closed");
        if is_blocking && is_open {
            blocked_by_target(edge)
        } else {
            None
        }
    }

    /// Its hybrid order: priorities 0 and 1 before the others, each oldest first.
    fn sort_key<'a>(&self, issue: &'a Issue<'_>) -> impl Ord + 'a {
        let created = issue.created_at.as_ref().map(|created| created.at);
        (
            issue.priority > 1,
            created.is_none(),
            created,
            issue.id.as_str(),
        )
    }
}
