//! Whether a ready issue is one that agents are started for. Values in, values out.

use beadlet_store::issue::Issue;

/// Types that agents work on; the others are for people or for the tracker itself (`spec/beads.md` §9).
const TYPES: [&str; 4] = ["task", "bug", "feature", "chore"];

/// Labels of issues that are not work for an agent.
const DENIED_LABELS: [&str; 7] = [
    "human",
    "gt:sling-context",
    "gt:agent",
    "gt:role",
    "gt:rig",
    "gt:merge-request",
    "gt:message",
];

/// Why no agent is started for an issue even when it is ready; nothing where one is.
#[must_use]
pub fn objections(issue: &Issue<'_>) -> Vec<String> {
    let mut objections = Vec::new();
    if !TYPES.contains(&&*issue.issue_type) {
        objections.push(format!(
            "its type is {}, agents work on {}",
            issue.issue_type,
            TYPES.join(", ")
        ));
    }
    if let Some(assignee) = issue
        .assignee
        .as_deref()
        .filter(|assignee| !assignee.is_empty())
    {
        objections.push(format!("it is assigned to {assignee}"));
    }
    let denied = issue
        .labels
        .iter()
        .filter(|label| DENIED_LABELS.contains(&&***label));
    objections.extend(denied.map(|label| format!("its label {label} keeps agents away")));
    objections
}
