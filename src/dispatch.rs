//! Whether a ready issue is one that agents are started for. Values in, values out.

use beadlet_store::issue::Issue;
use beadlet_store::kinds::Dispatch;

/// Why no agent is started for an issue even when it is ready, by the rules of a Rig; nothing where one is.
#[must_use]
pub fn objections(issue: &Issue<'_>, rules: &Dispatch) -> Vec<String> {
    let Dispatch {
        types,
        deny_labels,
        require_labels,
        ..
    } = rules;
    let has = |label: &String| issue.labels.iter().any(|found| found == label);
    let mut objections = Vec::new();
    if !types.iter().any(|known| **known == *issue.issue_type) {
        let types = types.join(", ");
        objections.push(format!(
            "its type is {}, agents work on {types}",
            issue.issue_type
        ));
    }
    if let Some(assignee) = issue.assignee.as_deref().filter(|name| !name.is_empty()) {
        objections.push(format!("it is assigned to {assignee}"));
    }
    let denied = deny_labels.iter().filter(|label| has(label));
    objections.extend(denied.map(|label| format!("its label {label} keeps agents away")));
    let missing = require_labels.iter().filter(|label| !has(label));
    objections.extend(missing.map(|label| format!("the label {label} is missing")));
    objections
}
