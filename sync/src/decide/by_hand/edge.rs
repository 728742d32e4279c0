//! Edges between beads.

use std::collections::{BTreeSet, HashMap, VecDeque};

use beadlet_store::edit::{Change, json_text};
use beadlet_store::issue::{Dependency, Issue, IssueId};

use super::record::one_more;
use super::sheet::Sheet;
use super::{NewEdge, Refused};
use crate::decide::writeback::{Deed, later, text, whole, with};

/// What the tracker and Gas Town know.
const KINDS: [&str; 20] = [
    "blocks",
    "parent-child",
    "conditional-blocks",
    "waits-for",
    "related",
    "discovered-from",
    "replies-to",
    "relates-to",
    "duplicates",
    "supersedes",
    "authored-by",
    "assigned-to",
    "approved-by",
    "attests",
    "tracks",
    "until",
    "caused-by",
    "validates",
    "delegated-from",
    "merge-blocks",
];

/// Those that make a bead wait. A ring of them never starts.
const WAITING: [&str; 4] = ["blocks", "conditional-blocks", "waits-for", "parent-child"];

fn is_waiting(kind: &str) -> bool {
    WAITING.contains(&kind)
}

pub(super) fn link(sheet: &mut Sheet<'_>, id: &str, edge: &NewEdge) -> Result<IssueId, Refused> {
    let at = sheet.place(id)?;
    let issue = &sheet.reading.issues[at];
    let bead = issue.id.clone();
    if is_there(issue, edge)? {
        return Ok(bead);
    }
    lawful(sheet, Some(issue), id, &[], edge)?;
    add(sheet, at, edge)?;
    Ok(bead)
}

/// Lets beads wait for a new one, which has edges of its own.
pub(super) fn let_wait(
    sheet: &mut Sheet<'_>,
    waiting_beads: &[String],
    new: &str,
    edges: &[NewEdge],
) -> Result<(), Refused> {
    for id in waiting_beads.iter().collect::<BTreeSet<_>>() {
        let at = sheet.place(id)?;
        let graph = waiting(sheet);
        let waits = edges.iter().filter(|edge| is_waiting(&edge.kind));
        if let Some(path) = waits.filter_map(|edge| way(&graph, &edge.on, id)).next() {
            let begin = [id.clone(), new.to_owned()];
            let path = begin.into_iter().chain(path).collect();
            return Err(Refused::Cycle { path });
        }
        let edge = NewEdge {
            on: new.to_owned(),
            kind: "blocks".to_owned(),
        };
        if sheet.reading.issues[at].ephemeral {
            let (id, on) = (id.clone(), edge.on);
            return Err(Refused::Ephemeral { id, on });
        }
        add(sheet, at, &edge)?;
    }
    Ok(())
}

fn add(sheet: &mut Sheet<'_>, at: usize, edge: &NewEdge) -> Result<(), Refused> {
    let issue = &sheet.reading.issues[at];
    let mut changes = vec![
        with(issue, "dependencies", &json(sheet, issue.id.as_str(), edge)),
        Change::text("updated_at", &text(later(issue, sheet.hand.now))),
    ];
    if edge.kind == "blocks" {
        changes.extend(one_more(issue, "dependency_count"));
    }
    sheet.change(at, Deed::Linked, &changes)
}

/// Whether the bead depends on the other one already, in the same way.
fn is_there(issue: &Issue<'_>, edge: &NewEdge) -> Result<bool, Refused> {
    let is_same = |known: &&Dependency<'_>| {
        known.depends_on_id == edge.on.as_str() && known.issue_id == issue.id.as_str()
    };
    match issue.dependencies.iter().find(is_same) {
        None => Ok(false),
        Some(known) if known.kind == edge.kind.as_str() => Ok(true),
        Some(known) => Err(Refused::OtherEdge {
            id: issue.id.to_string(),
            on: edge.on.clone(),
            kind: known.kind.to_string(),
        }),
    }
}

/// What the tracker would not have of an edge from `id`, whose record is `issue` if it is there already, and whose parents are to be
/// `new_parents` if it is new.
pub(super) fn lawful(
    sheet: &Sheet<'_>,
    issue: Option<&Issue<'_>>,
    id: &str,
    new_parents: &[&str],
    edge: &NewEdge,
) -> Result<(), Refused> {
    let NewEdge { on, kind } = edge;
    let issues = &sheet.reading.issues;
    let mut used = issues.iter().flat_map(|issue| &issue.dependencies);
    if kind.is_empty()
        || !KINDS.contains(&kind.as_str()) && !used.any(|known| known.kind == kind.as_str())
    {
        return Err(Refused::EdgeKind {
            kind: kind.clone(),
            known: KINDS.map(str::to_owned).to_vec(),
        });
    }
    if id == on {
        return Err(Refused::OnItself { id: id.to_owned() });
    }
    if on.starts_with("external:") {
        return Ok(());
    }
    let target = sheet.issue(on)?;
    if issue.is_some_and(|issue| issue.ephemeral) != target.ephemeral {
        return Err(Refused::Ephemeral {
            id: id.to_owned(),
            on: on.clone(),
        });
    }
    if is_waiting(kind) {
        unless_for_ever(sheet, id, new_parents, edge)?;
    }
    Ok(())
}

/// Refuses an edge that closes a ring, or that makes a child wait for its parent.
fn unless_for_ever(
    sheet: &Sheet<'_>,
    id: &str,
    new_parents: &[&str],
    edge: &NewEdge,
) -> Result<(), Refused> {
    let graph = waiting(sheet);
    if let Some(mut path) = way(&graph, &edge.on, id) {
        path.insert(0, id.to_owned());
        return Err(Refused::Cycle { path });
    }
    let parents = |id: &str| {
        let edges = graph.get(id).into_iter().flatten();
        let parents = edges.filter(|(kind, _)| *kind == "parent-child");
        parents.map(|(_, on)| *on).collect::<Vec<_>>()
    };
    let mut above = parents(id);
    above.extend(new_parents);
    let mut seen = 0;
    while let Some(parent) = above.get(seen).copied() {
        let more = parents(parent).into_iter();
        let more: Vec<&str> = more.filter(|id| !above.contains(id)).collect();
        above.extend(more);
        seen += 1;
    }
    if edge.kind != "parent-child" && above.contains(&edge.on.as_str()) {
        return Err(Refused::OnParent {
            id: id.to_owned(),
            on: edge.on.clone(),
        });
    }
    Ok(())
}

type Graph<'s> = HashMap<&'s str, Vec<(&'s str, &'s str)>>;

/// By bead, of what type it waits for which others.
fn waiting<'s>(sheet: &'s Sheet<'_>) -> Graph<'s> {
    let mut graph = Graph::new();
    let edges = sheet
        .reading
        .issues
        .iter()
        .flat_map(|issue| &issue.dependencies);
    for edge in edges.filter(|edge| is_waiting(&edge.kind)) {
        let edges = graph.entry(&edge.issue_id).or_default();
        edges.push((&edge.kind, &edge.depends_on_id));
    }
    graph
}

/// A shortest way from one bead to another.
fn way(graph: &Graph<'_>, from: &str, to: &str) -> Option<Vec<String>> {
    let mut came: HashMap<&str, Option<&str>> = HashMap::from([(from, None)]);
    let mut next = VecDeque::from([from]);
    while let Some(id) = next.pop_front() {
        if id == to {
            let back = std::iter::successors(Some(id), |id| came.get(id).copied().flatten());
            let mut path: Vec<String> = back.map(str::to_owned).collect();
            path.reverse();
            return Some(path);
        }
        for (_, on) in graph.get(id).into_iter().flatten() {
            if !came.contains_key(on) {
                came.insert(on, Some(id));
                next.push_back(on);
            }
        }
    }
    None
}

/// An edge as the tracker writes it.
pub(super) fn json(sheet: &Sheet<'_>, id: &str, edge: &NewEdge) -> String {
    let now = text(whole(sheet.hand.now));
    let mut json = format!(
        "{{\"issue_id\":{},\"depends_on_id\":{},\"type\":{},\"created_at\":{},\"created_by\":{}",
        json_text(id),
        json_text(&edge.on),
        json_text(&edge.kind),
        json_text(&now),
        json_text(sheet.hand.actor),
    );
    let mut edges = sheet
        .reading
        .issues
        .iter()
        .flat_map(|issue| &issue.dependencies);
    if edges.any(|edge| edge.metadata.is_some()) {
        json += ",\"metadata\":\"{}\"";
    }
    json + "}"
}
