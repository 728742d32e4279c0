//! Convoys that live in git: an issue of type `convoy` with `tracks` edges to its members.

use std::collections::{HashMap, HashSet};

use crate::issue::{Issue, IssueId};
use crate::reader::Reading;

/// A convoy of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitConvoy {
    pub id: IssueId,
    /// Member ids in file order, without repeats; `external:` references reduced to the id.
    pub members: Vec<IssueId>,
}

/// All convoys of the file, in file order. An edge belongs to the convoy it names, wherever it stands.
#[must_use]
pub fn convoys(reading: &Reading<'_>) -> Vec<GitConvoy> {
    let mut members: HashMap<&str, Members> = HashMap::new();
    for edge in reading
        .issues
        .iter()
        .flat_map(|issue| &issue.dependencies)
        .filter(|edge| edge.kind == "tracks")
    {
        members
            .entry(&edge.issue_id)
            .or_default()
            .add(target_id(&edge.depends_on_id));
    }
    let convoys = reading
        .issues
        .iter()
        .filter(|issue| issue.issue_type == "convoy");
    let convoy = |issue: &Issue<'_>| {
        let members = members.remove(issue.id.as_str()).unwrap_or_default();
        GitConvoy {
            id: issue.id.clone(),
            members: members.in_order,
        }
    };
    convoys.map(convoy).collect()
}

/// The id an edge's target names: the third field of an `external:` reference, else the target itself.
#[must_use]
pub fn target_id(depends_on_id: &str) -> &str {
    let reference = depends_on_id
        .strip_prefix("external:")
        .and_then(|rest| rest.split_once(':'));
    reference
        .map(|(_, id)| id)
        .filter(|id| !id.is_empty())
        .unwrap_or(depends_on_id)
}

/// Member ids as they come, each once.
#[derive(Default)]
struct Members {
    in_order: Vec<IssueId>,
    seen: HashSet<IssueId>,
}

impl Members {
    fn add(&mut self, id: &str) {
        let fresh = IssueId::new(id).filter(|id| self.seen.insert(id.clone()));
        self.in_order.extend(fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;

    #[test]
    fn external_reference_is_reduced_to_its_third_field() {
        assert_eq!(target_id("external:bd-piywi:bd-piywi"), "bd-piywi");
        assert_eq!(target_id("external:gastown:gt-5kjn"), "gt-5kjn");
        assert_eq!(target_id("external:gastown"), "external:gastown");
        assert_eq!(target_id("external:gastown:"), "external:gastown:");
        assert_eq!(target_id("gt-5kjn"), "gt-5kjn");
    }

    #[test]
    fn convoy_has_each_tracked_issue_once_in_file_order() {
        let file = br#"
            {"id":"hq-cv-1","issue_type":"convoy","dependencies":[
              {"issue_id":"hq-cv-1","depends_on_id":"gt-2","type":"tracks"},
              {"depends_on_id":"external:gastown:gt-1","type":"tracks"},
              {"depends_on_id":"gt-2","type":"tracks"},
              {"depends_on_id":"gt-3","type":"blocks"}]}
        "#;
        let line: Vec<u8> = file.iter().copied().filter(|byte| *byte != b'\n').collect();
        let convoys = convoys(&read(&line).unwrap());
        let members: Vec<_> = convoys[0].members.iter().map(IssueId::as_str).collect();
        assert_eq!((convoys.len(), convoys[0].id.as_str()), (1, "hq-cv-1"));
        assert_eq!(members, ["gt-2", "gt-1"]);
    }

    #[test]
    fn tracking_by_an_issue_of_another_type_makes_no_convoy() {
        let file = br#"{"id":"gt-1","issue_type":"epic","dependencies":[{"depends_on_id":"gt-2","type":"tracks"}]}"#;
        assert_eq!(convoys(&read(file).unwrap()), []);
    }
}
