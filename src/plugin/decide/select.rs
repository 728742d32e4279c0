//! Which beads are meant.

use super::town::Mirrored;
use crate::cli::SelectArgs;

/// Whether a bead meets every flag that was given.
#[must_use]
pub fn is_selected(select: &SelectArgs, held: &Mirrored) -> bool {
    let SelectArgs {
        status,
        issue_type,
        label,
        assignee,
        selector,
    } = select;
    let bead = &held.bead;
    let labels = held.configmap.metadata.labels.clone().unwrap_or_default();
    is_any(status, &bead.status)
        && is_any(issue_type, &bead.issue_type)
        && is_any(assignee, bead.assignee.as_deref().unwrap_or_default())
        && label.iter().all(|label| bead.labels.contains(label))
        && selector
            .as_ref()
            .is_none_or(|selector| selector.matches(&labels))
}

fn is_any(wanted: &[String], value: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
}
