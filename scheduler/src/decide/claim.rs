//! What a Polecat asks of its Rig.

use beadlet_store::kinds::{DesiredState, Polecat, PolecatPhase};

use super::attempt::Attempt;
use super::condition::{self, CONFIGURED};
use super::slot::Slot;

/// Whether a slot that was given to `polecat` is still its own. It is until the Polecat has ended, or has written down that it gave
/// this slot back: only then nobody can start its Job any more.
#[must_use]
pub fn keeps(polecat: &Polecat, rig: &str, slot: &Slot) -> bool {
    polecat.spec.rig.as_deref() == Some(rig)
        && !polecat.is_final()
        && polecat.pauses() == slot.pauses
}

/// Whether `polecat` works although nobody may have written down its slot.
#[must_use]
pub fn works(polecat: &Polecat, rig: &str) -> bool {
    polecat.spec.rig.as_deref() == Some(rig) && polecat.phase() == PolecatPhase::Working
}

/// Whether `polecat` wants a slot: it is wanted to work, has the finalizer that keeps it until its slot is gone, and could become a Job.
#[must_use]
pub fn asks(polecat: &Polecat, rig: &str) -> bool {
    let is_wanted =
        polecat.wanted() == DesiredState::Working && polecat.metadata.deletion_timestamp.is_none();
    polecat.spec.rig.as_deref() == Some(rig)
        && is_wanted
        && !polecat.is_final()
        && !polecat.is_local()
        && polecat.is_held()
        && !condition::is_false(polecat, CONFIGURED)
}
