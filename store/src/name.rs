//! Ids to Kubernetes names: injective, readable where the id allows it.

use crate::issue::IssueId;

/// The name of the ConfigMap that holds an issue: `bead-<id>`, or an escaped form with a hash suffix where the id is not a
/// lower-case DNS-1123 name or too long. Two ids never share a name.
#[must_use]
pub fn configmap_name(_id: &IssueId) -> String {
    todo!()
}

/// The same for any prefix (`bead-`, `polecat-`, …) and length limit, in bytes.
#[must_use]
pub fn object_name(_prefix: &str, _id: &str, _max_len: usize) -> String {
    todo!()
}

/// The prefix of an id (`gt` of `gt-0042`), by the tracker's own heuristic. Known prefixes win, longest first.
#[must_use]
pub fn issue_prefix<'a>(_id: &'a str, _known: &[&str]) -> Option<&'a str> {
    todo!()
}
