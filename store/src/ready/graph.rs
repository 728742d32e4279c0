//! The edges of a file, resolved once: who depends on whom, and who has which children.

use std::collections::{HashMap, HashSet};

use crate::issue::Dependency;
use crate::reader::Reading;

/// Edge types that affect READY; all others are inert.
pub(super) mod kind {
    pub(in crate::ready) const BLOCKS: &str = "blocks";
    pub(in crate::ready) const CONDITIONAL_BLOCKS: &str = "conditional-blocks";
    pub(in crate::ready) const WAITS_FOR: &str = "waits-for";
    pub(in crate::ready) const PARENT_CHILD: &str = "parent-child";
}

/// An edge of an issue of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    pub(super) target: Target,
    pub(super) dependency: &'a Dependency<'a>,
}

/// What an edge points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An index into [`Reading::issues`].
    Issue(usize),
    /// A tombstone.
    Deleted,
    /// An `external:` reference.
    External,
    /// Not in the file.
    Missing,
    /// Not in the file, but perhaps on a line that could not be read.
    Unread,
}

/// What is known of the children of an issue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Children {
    pub(super) any_closed: bool,
    pub(super) any_not_closed: bool,
    /// Neither closed nor pinned.
    pub(super) any_active: bool,
}

/// The edges of a whole file. An edge belongs to the issue it names as its dependent, wherever it stands.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) reading: &'a Reading<'a>,
    edges: Grouped<Edge<'a>>,
    children: Grouped<usize>,
    /// By the parent's id, which need not be in the file.
    families: HashMap<&'a str, Children>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(reading: &'a Reading<'a>) -> Self {
        let targets = Targets::new(reading);
        let mut edges = Vec::new();
        let mut children = Vec::new();
        let mut families: HashMap<_, Children> = HashMap::new();
        for dependency in reading.issues.iter().flat_map(|issue| &issue.dependencies) {
            let Target::Issue(dependent) = targets.of(&dependency.issue_id) else {
                continue;
            };
            let target = targets.of(&dependency.depends_on_id);
            edges.push((dependent, Edge { target, dependency }));
            if dependency.kind == kind::PARENT_CHILD {
                let family = families.entry(&*dependency.depends_on_id).or_default();
                family.add(&reading.issues[dependent].status);
                if let Target::Issue(parent) = target {
                    children.push((parent, dependent));
                }
            }
        }
        let issues = reading.issues.len();
        Self {
            reading,
            edges: Grouped::new(issues, edges),
            children: Grouped::new(issues, children),
            families,
        }
    }

    /// The edges of issue `index`, in file order.
    pub(super) fn edges(&self, index: usize) -> &[Edge<'a>] {
        self.edges.of(index)
    }

    /// The children of issue `index`.
    pub(super) fn children(&self, index: usize) -> &[usize] {
        self.children.of(index)
    }

    /// What is known of the children of the issue with this id.
    pub(super) fn family(&self, id: &str) -> Children {
        self.families.get(id).copied().unwrap_or_default()
    }

    /// The status of an edge's target, where that is an issue of the file.
    pub(super) fn status(&self, target: Target) -> Option<&str> {
        match target {
            Target::Issue(index) => Some(&self.reading.issues[index].status),
            _ => None,
        }
    }
}

impl Children {
    fn add(&mut self, status: &str) {
        let is_closed = status == "closed";
        self.any_closed |= is_closed;
        self.any_not_closed |= !is_closed;
        self.any_active |= !is_closed && status != "pinned";
    }
}

/// Ids to what they name.
struct Targets<'a> {
    by_id: HashMap<&'a str, Target>,
    /// What an id that the file does not have stands for.
    unknown: Target,
}

impl<'a> Targets<'a> {
    fn new(reading: &'a Reading<'a>) -> Self {
        let unread: Option<HashSet<_>> = reading
            .rejected
            .iter()
            .map(|rejected| rejected.id.as_ref())
            .collect();
        let unknown = if unread.is_some() {
            Target::Missing
        } else {
            Target::Unread
        };
        let unread = unread
            .unwrap_or_default()
            .into_iter()
            .map(|id| (id.as_str(), Target::Unread));
        let deleted = reading
            .deleted
            .iter()
            .map(|id| (id.as_str(), Target::Deleted));
        let issues = reading
            .issues
            .iter()
            .enumerate()
            .map(|(index, issue)| (issue.id.as_str(), Target::Issue(index)));
        Self {
            by_id: unread.chain(deleted).chain(issues).collect(),
            unknown,
        }
    }

    fn of(&self, id: &str) -> Target {
        let unknown = if id.starts_with("external:") {
            Target::External
        } else {
            self.unknown
        };
        self.by_id.get(id).copied().unwrap_or(unknown)
    }
}

/// Items by the index they belong to, in their original order.
#[derive(Debug)]
struct Grouped<T> {
    items: Vec<T>,
    /// Group `i` is `items[ends[i - 1]..ends[i]]`.
    ends: Vec<usize>,
}

impl<T> Grouped<T> {
    fn new(groups: usize, mut pairs: Vec<(usize, T)>) -> Self {
        pairs.sort_by_key(|(group, _)| *group);
        let mut ends = vec![0; groups];
        for (group, _) in &pairs {
            ends[*group] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum;
        }
        Self {
            items: pairs.into_iter().map(|(_, item)| item).collect(),
            ends,
        }
    }

    fn of(&self, group: usize) -> &[T] {
        let start = group.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start..self.ends[group]]
    }
}
