//! The chain of reasons for which an issue is not ready. Values in, values out.

use std::collections::HashSet;

use beadlet_store::issue::IssueId;
use beadlet_store::ready::Blocker;

use crate::board::Board;

/// One reason in the chain, in the order in which it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason<'b> {
    /// 0 for a reason of the issue itself, 1 for a reason of an issue that it waits for, and so on.
    pub depth: usize,
    /// Whose reason it is, as a place in [`beadlet_store::reader::Reading::issues`].
    pub of: usize,
    pub blocker: &'b Blocker,
    /// The issue that the reason names, where the file has it.
    pub names: Option<usize>,
    /// The reasons of the issue that it names were told already.
    pub told_above: bool,
}

/// All reasons of an issue, each followed by the reasons of the issue that it names. What stands behind an issue is told once.
#[must_use]
pub fn reasons<'b>(board: &'b Board<'_>, index: usize) -> Vec<Reason<'b>> {
    let mut told = HashSet::from([index]);
    let mut out = Vec::new();
    let mut open: Vec<(usize, usize, &Blocker)> = Vec::new();
    let push = |open: &mut Vec<_>, depth, of| {
        open.extend(
            board
                .blockers(of)
                .iter()
                .rev()
                .map(|blocker| (depth, of, blocker)),
        )
    };
    push(&mut open, 0, index);
    while let Some((depth, of, blocker)) = open.pop() {
        let names = named(blocker).and_then(|id| board.find(id.as_str()));
        let is_new = names.is_some_and(|names| told.insert(names));
        out.push(Reason {
            depth,
            of,
            blocker,
            names,
            told_above: names.is_some() && !is_new,
        });
        if let Some(names) = names.filter(|_| is_new) {
            push(&mut open, depth + 1, names);
        }
    }
    out
}

/// The issue that a reason names.
fn named(blocker: &Blocker) -> Option<&IssueId> {
    match blocker {
        Blocker::BlockedBy(id, _)
        | Blocker::ParentBlocked(id)
        | Blocker::ParentDeferredUntil(id, _)
        | Blocker::WaitsFor(id) => Some(id),
        Blocker::Status(_)
        | Blocker::Pinned
        | Blocker::Ephemeral
        | Blocker::Template
        | Blocker::Type(_)
        | Blocker::IdPattern(_)
        | Blocker::Label(_)
        | Blocker::DeferredUntil(_)
        | Blocker::MissingTarget(_) => None,
    }
}
