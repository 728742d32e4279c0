//! How an issue file names the Polecat that has a bead.

use kube::ResourceExt;

use crate::keys::work;
use crate::kinds::Polecat;

/// Between the Rig and the Polecat's name, as Gas Town has it.
const POLECATS: &str = "/polecats/";

/// Which attempt at its bead a Polecat is, from 1.
#[must_use]
pub fn attempt_number(polecat: &Polecat) -> u32 {
    let label = polecat.labels().get(work::ATTEMPT);
    label.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// As whom a Polecat claims its bead: `<rig>/polecats/<name>`. One without a Rig goes by its namespace.
#[must_use]
pub fn assignee(polecat: &Polecat) -> String {
    under(polecat, &polecat.name_any())
}

/// All assignees that are this Polecat: by its name, and by the alias that it signs with.
#[must_use]
pub fn assignees(polecat: &Polecat) -> Vec<String> {
    names(polecat).map(|name| under(polecat, &name)).collect()
}

/// Whether an assignee, of whatever Rig, is this Polecat.
#[must_use]
pub fn is_claim_of(assignee: &str, polecat: &Polecat) -> bool {
    let name = assignee.rsplit_once(POLECATS).map(|(_, name)| name);
    name.is_some_and(|name| names(polecat).any(|own| own == name))
}

fn under(polecat: &Polecat, name: &str) -> String {
    let rig = polecat.spec.rig.clone().or_else(|| polecat.namespace());
    format!("{}{POLECATS}{name}", rig.unwrap_or_default())
}

fn names(polecat: &Polecat) -> impl Iterator<Item = String> {
    let status = polecat.status.as_ref();
    let alias = status.and_then(|status| status.alias.clone());
    std::iter::once(polecat.name_any()).chain(alias)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn polecat(rig: Option<&str>) -> Polecat {
        from_value(json!({
            "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat",
            "metadata": {"name": "gt-1-2", "namespace": "town", "labels": {work::ATTEMPT: "2"}},
            "spec": {"rig": rig}, "status": {"alias": "nux"},
        }))
        .unwrap()
    }

    #[test]
    fn what_a_polecat_claims_with_is_known_as_its_claim() {
        let polecat = polecat(Some("rig"));
        assert_eq!(assignee(&polecat), "rig/polecats/gt-1-2");
        assert_eq!(
            assignees(&polecat),
            ["rig/polecats/gt-1-2", "rig/polecats/nux"]
        );
        for own in assignees(&polecat) {
            assert!(is_claim_of(&own, &polecat), "{own}");
        }
        for other in ["rig/polecats/gt-1-1", "gt-1-2", "rig/crew/gt-1-2", ""] {
            assert!(!is_claim_of(other, &polecat), "{other}");
        }
    }

    #[test]
    fn polecat_without_a_rig_goes_by_its_namespace() {
        assert_eq!(assignee(&polecat(None)), "town/polecats/gt-1-2");
    }

    #[test]
    fn polecat_made_by_hand_is_the_first_attempt() {
        let mut polecat = polecat(None);
        assert_eq!(attempt_number(&polecat), 2);
        polecat.metadata.labels = None;
        assert_eq!(attempt_number(&polecat), 1);
    }
}
