//! Edges that lead nowhere or start nowhere. Values in, values out.

use std::collections::HashSet;

use beadlet_store::issue::Issue;

use super::{Kind, Places, Problem, Severity};

/// Edges of an issue that lead nowhere or start nowhere. What points at a deleted issue or out of the file on purpose is right.
pub(super) fn edges(
    issue: &Issue<'_>,
    places: &Places<'_>,
    deleted: &HashSet<&str>,
) -> Vec<Problem> {
    let is_known =
        |id: &str| places.contains_key(id) || deleted.contains(id) || id.starts_with("external:");
    let problem = |kind, message| Problem {
        line: Some(issue.line),
        severity: Severity::Warning,
        kind,
        id: Some(issue.id.to_string()),
        message,
    };
    let mut problems = Vec::new();
    for edge in &issue.dependencies {
        if !is_known(&edge.depends_on_id) {
            let message = format!(
                "`{}` edge to {}, which is not in the file",
                edge.kind, edge.depends_on_id
            );
            problems.push(problem(Kind::MissingTarget, message));
        }
        if !is_known(&edge.issue_id) {
            let message = format!(
                "`{}` edge of {}, which is not in the file",
                edge.kind, edge.issue_id
            );
            problems.push(problem(Kind::DanglingEdge, message));
        }
    }
    problems
}
