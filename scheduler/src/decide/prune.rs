//! Which records of attempts are not needed any more.

use beadlet_store::kinds::Polecat;
use jiff::Timestamp;

use super::attempt::Attempt;
use super::batch::Batches;
use super::bead::{Bead, BeadKey};
use super::policy::Policy;

/// Whether the Polecat may go: dispatch made it, it ended long ago, and neither its bead, which is not ready any more, nor a Convoy needs
/// it. Which attempt it was is noted on the bead when it goes.
#[must_use]
pub fn is_spent(
    polecat: &Polecat,
    bead: &dyn Fn(&BeadKey) -> Option<std::sync::Arc<Bead>>,
    batches: &Batches<'_>,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let Some(key) = polecat.bead() else {
        return false;
    };
    let is_over = polecat
        .finished_at()
        .and_then(|end| end.checked_add(policy.retention).ok())
        .is_some_and(|end| end < now);
    polecat.is_dispatched()
        && polecat.is_final()
        && is_over
        && polecat.metadata.deletion_timestamp.is_none()
        && batches.tracking(&key).is_empty()
        && !bead(&key).is_some_and(|bead| bead.ready)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use beadlet_store::kinds::PolecatPhase;
    use serde_json::json;

    use super::super::fixture::{Became, bead, convoy, noon, polecat, rig};
    use super::*;

    #[test]
    fn record_goes_when_nobody_needs_it_any_more() {
        let policy =
            Policy::parse(&rig("rig", json!({"dispatch": {"retention": "1h"}})).spec).unwrap();
        let old = polecat("gt-1", 1).ended(PolecatPhase::Done, 61);
        let none = |_: &BeadKey| None;
        let spent = |polecat: &Polecat,
                     bead: &dyn Fn(&BeadKey) -> Option<Arc<Bead>>,
                     batches: &Batches<'_>| {
            is_spent(polecat, bead, batches, &policy, noon())
        };
        let free = Batches::default();
        assert!(spent(&old, &none, &free));
        assert!(
            !spent(
                &polecat("gt-1", 1).ended(PolecatPhase::Done, 59),
                &none,
                &free
            ),
            "too young"
        );
        assert!(!spent(&polecat("gt-1", 1), &none, &free), "not ended");
        assert!(
            !spent(&old, &|_| Some(Arc::new(bead("gt-1"))), &free),
            "its bead is ready"
        );
        let waves = [convoy("wave", &["gt-1"], 0)];
        assert!(
            !spent(&old, &none, &Batches::of(&waves)),
            "a convoy counts it"
        );
        let mut by_hand = old.clone();
        by_hand.metadata.labels = None;
        assert!(!spent(&by_hand, &none, &free), "a person made it");
    }
}
