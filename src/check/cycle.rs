//! Issues that wait for each other. Values in, values out.

use beadlet_store::issue::{Dependency, Issue};
use beadlet_store::reader::Reading;

use super::graph::{Edges, cyclic_groups, shortest_way};
use super::{Kind, Places, Problem, Severity};

/// Unfinished issues that wait for each other. One problem a group, told by its shortest cycle with an edge that waits, on the line of the first issue.
pub(super) fn cycles(reading: &Reading<'_>, places: &Places<'_>) -> Vec<Problem> {
    let mut edges: Edges = vec![Vec::new(); reading.issues.len()];
    let mut waits: Vec<(usize, usize)> = Vec::new();
    for edge in reading.issues.iter().flat_map(|issue| &issue.dependencies) {
        let ends = (
            places.get(&*edge.issue_id),
            places.get(&*edge.depends_on_id),
        );
        let (Some(from), Some(to)) = ends else {
            continue;
        };
        if !is_unfinished(&reading.issues[*from]) || !is_unfinished(&reading.issues[*to]) {
            continue;
        }
        match carries(edge) {
            Carries::Wait => waits.push((*from, *to)),
            Carries::ParentsWait => {}
            Carries::Nothing => continue,
        }
        edges[*from].push(*to);
    }
    cyclic_groups(&edges)
        .iter()
        .filter_map(|group| cycle(reading, &edges, &waits, group))
        .collect()
}

fn is_unfinished(issue: &Issue<'_>) -> bool {
    !matches!(&*issue.status, "closed" | "pinned")
}

enum Carries {
    /// The dependent waits for the target.
    Wait,
    /// The child waits while its parent waits, but not for the parent itself.
    ParentsWait,
    Nothing,
}

fn carries(edge: &Dependency<'_>) -> Carries {
    match &*edge.kind {
        "blocks" | "conditional-blocks" => Carries::Wait,
        "parent-child" => Carries::ParentsWait,
        _ => Carries::Nothing,
    }
}

/// A group is stuck only where one of its edges really waits.
fn cycle(
    reading: &Reading<'_>,
    edges: &Edges,
    waits: &[(usize, usize)],
    group: &[usize],
) -> Option<Problem> {
    let inside = |(from, to): &&(usize, usize)| {
        group.binary_search(from).is_ok() && group.binary_search(to).is_ok()
    };
    let (start, next) = waits.iter().find(inside)?;
    let way = shortest_way(edges, *next, *start)?;
    let issue = &reading.issues[*start];
    let mut names = vec![issue.id.as_str()];
    names.extend(way.iter().map(|at| reading.issues[*at].id.as_str()));
    let message = match names.len() {
        2 => "waits for itself and can never be ready".to_owned(),
        _ => format!(
            "issues wait for each other and can never be ready: {}",
            names.join(" → ")
        ),
    };
    Some(Problem {
        line: Some(issue.line),
        severity: Severity::Warning,
        kind: Kind::Cycle,
        id: Some(issue.id.to_string()),
        message,
    })
}
