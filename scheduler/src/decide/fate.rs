//! What became of a polecat's bead in git.

use beadlet_store::claim::is_claim_of;
use beadlet_store::kinds::{BeadStore, Polecat};

use super::attempt::Attempt;
use super::bead::Bead;

/// Whether a bead is still one to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is, or the Polecat's bead is in no mirror.
    Open,
    /// Somebody finished it.
    Closed,
    /// Somebody else has it.
    Reassigned { to: String },
    /// It is not in git any more.
    Deleted,
    /// Its mirror is gone, so nobody knows.
    Unknown,
}

/// The fate of the bead of `polecat`. `has_store`: whether the BeadStore that the bead came from still mirrors.
#[must_use]
pub fn fate(polecat: &Polecat, bead: Option<&Bead>, has_store: bool) -> Fate {
    match bead {
        Some(bead) if bead.is_closed() => Fate::Closed,
        Some(bead) => match &bead.assignee {
            // Who makes a Polecat for an assigned bead by hand knows what they do.
            Some(to) if polecat.is_dispatched() && !is_claim_of(to, polecat) => {
                Fate::Reassigned { to: to.clone() }
            }
            _ => Fate::Open,
        },
        None if polecat.revision().is_none() => Fate::Open,
        None if has_store => Fate::Deleted,
        None => Fate::Unknown,
    }
}

/// Whether a BeadStore is there to stay and shows a commit. Before its first, a bead that is not there yet is not a deleted one.
#[must_use]
pub fn mirrors(store: &BeadStore) -> bool {
    let shows_commit = store
        .status
        .as_ref()
        .is_some_and(|status| status.commit.is_some());
    store.metadata.deletion_timestamp.is_none() && shows_commit
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::super::fixture::{Became, bead, bead_with, polecat};
    use super::*;

    #[test]
    fn closed_and_reassigned_beads_are_not_to_be_worked_on() {
        let polecat = polecat("gt-1", 1);
        let fate = |fields| fate(&polecat, Some(&bead_with("gt-1", fields)), true);
        assert_eq!(fate(json!({})), Fate::Open);
        assert_eq!(
            fate(json!({"status": "closed", "closed_at": "2026-03-01T00:00:00Z"})),
            Fate::Closed
        );
        assert_eq!(
            fate(json!({"assignee": "mayor/"})),
            Fate::Reassigned {
                to: "mayor/".into()
            }
        );
        assert_eq!(
            fate(json!({"assignee": "rig/polecats/gt-1-1", "status": "hooked"})),
            Fate::Open,
            "its own claim"
        );
    }

    #[test]
    fn store_without_a_commit_knows_nothing_of_missing_beads() {
        let mut store = BeadStore::default();
        assert!(!mirrors(&store));
        store.status.get_or_insert_default().commit = Some("abc".into());
        assert!(mirrors(&store));
        store.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert!(!mirrors(&store));
    }

    #[test]
    fn polecat_that_a_person_made_may_work_on_an_assigned_bead() {
        let mut by_hand = polecat("gt-1", 1);
        by_hand.metadata.labels = None;
        assert_eq!(
            fate(
                &by_hand,
                Some(&bead_with("gt-1", json!({"assignee": "mayor/"}))),
                true
            ),
            Fate::Open
        );
    }

    #[test]
    fn missing_bead_is_deleted_only_when_its_mirror_is_there_and_it_was_there() {
        let known = polecat("gt-1", 1).saw(&bead("gt-1"));
        assert_eq!(fate(&known, None, true), Fate::Deleted);
        assert_eq!(fate(&known, None, false), Fate::Unknown);
        assert_eq!(fate(&polecat("gt-1", 1), None, true), Fate::Open);
    }
}
