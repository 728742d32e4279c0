//! Names of Polecats and Jobs.

use beadlet_store::name::object_name;

/// A Job's name becomes a label of its pods, and labels hold 63 bytes.
const JOB_NAME_MAX: usize = 63;
const JOB_PREFIX: &str = "polecat-";

/// The Polecat of one attempt at a bead: `<bead>-<attempt>`, escaped where the bead's id is no name. Two attempts never share a
/// name: what follows the last hyphen is the attempt, and what is before it is made from the bead's id alone.
#[must_use]
pub fn polecat_name(bead: &str, attempt: u32) -> String {
    let number = format!("-{attempt}");
    let room = JOB_NAME_MAX - JOB_PREFIX.len() - number.len();
    object_name("", bead, room) + &number
}

/// The Job of a Polecat.
#[must_use]
pub fn job_name(polecat: &str) -> String {
    object_name(JOB_PREFIX, polecat, JOB_NAME_MAX)
}

/// The Convoy object of a convoy that lives in git.
#[must_use]
pub fn convoy_name(bead: &str) -> String {
    object_name("", bead, JOB_NAME_MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_the_design() {
        assert_eq!(polecat_name("gt-0042", 1), "gt-0042-1");
        assert_eq!(job_name("gt-0042-1"), "polecat-gt-0042-1");
        assert_eq!(job_name("test-worker"), "polecat-test-worker");
    }

    proptest! {
        #[test]
        fn no_two_attempts_share_a_name_and_every_name_fits(ids in prop::collection::btree_set("[A-Za-z0-9._-]{1,90}", 1..20)) {
            let mut seen = BTreeMap::new();
            for id in ids {
                for attempt in [1, 2, 10, 4_000_000_000] {
                    let name = job_name(&polecat_name(&id, attempt));
                    prop_assert!(name.len() <= 63, "{}", name);
                    prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'), "{}", name);
                    prop_assert_eq!(seen.insert(name, (id.clone(), attempt)), None);
                }
            }
        }
    }
}
