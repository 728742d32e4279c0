//! The labels of a bead: what people select by.

use std::collections::BTreeMap;

use crate::issue::{Issue, IssueId};
use crate::keys::label;
use crate::name::issue_prefix;

/// The longest label value, and the longest name in a label key, in bytes.
const LONGEST: usize = 63;

/// How many beads labels, and how many convoys, become labels at most: an object has to stay small enough to be stored.
const MOST_OF_A_KIND: usize = 512;

/// All labels. A value or a key that does not fit is left out, never cut: `issue.json` has it.
pub(super) fn labels(
    issue: &Issue<'_>,
    is_ready: bool,
    prefixes: &[&str],
    convoys: &[IssueId],
    store: &str,
) -> BTreeMap<String, String> {
    let priority = (0..=4)
        .contains(&issue.priority)
        .then(|| issue.priority.to_string());
    let values = [
        (label::STATUS, Some(&*issue.status)),
        (label::TYPE, Some(&*issue.issue_type)),
        (label::PRIORITY, priority.as_deref()),
        (label::READY, Some(if is_ready { "true" } else { "false" })),
        (label::PREFIX, issue_prefix(issue.id.as_str(), prefixes)),
        (label::STORE, Some(store)),
        (label::MANAGED_BY, Some(label::MANAGED_BY_BEADLET)),
    ];
    let values = values
        .into_iter()
        .filter_map(|(key, value)| Some((key, value.filter(|value| is_value(value))?)));
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let names = issue
        .labels
        .iter()
        .map(|name| name.replace([':', '/'], "."));
    let beads_labels = marks(label::LABEL_DOMAIN, names);
    let convoys = marks(label::CONVOY_DOMAIN, convoys.iter().map(IssueId::to_string));
    values.chain(beads_labels).chain(convoys).collect()
}

/// Labels without a value, the first [`MOST_OF_A_KIND`] by name. Two names that became the same are one label, which
/// says that the issue has at least one of them.
fn marks(
    domain: &str,
    names: impl Iterator<Item = String>,
) -> impl Iterator<Item = (String, String)> {
    let mut names: Vec<_> = names.filter(|name| is_name(name)).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .take(MOST_OF_A_KIND)
        .map(move |name| (format!("{domain}/{name}"), String::new()))
}

/// Whether Kubernetes takes `text` as the value of a label.
fn is_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

/// Whether Kubernetes takes `text` as the name in a label's key: letters, digits and `-_.`, with a letter or digit at
/// either end.
fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().copied().all(is_inner)
}
