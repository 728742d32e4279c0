//! Whether dispatch starts another attempt after a failure.

use beadlet_store::kinds::{FailureClass, Polecat};

use super::attempt::{Attempt, charged};
use super::lifecycle::RetryRule;
use super::policy::Policy;

/// What decides whether a Polecat that fails is followed by another.
#[derive(Debug)]
pub struct Chances {
    /// `None` when dispatch has nothing to do with it: no Rig, no bead in the mirror, or switched off.
    left: Option<u32>,
}

impl Chances {
    /// For `polecat`, after the `earlier` attempts at its bead (oldest first).
    #[must_use]
    pub fn of(
        polecat: &Polecat,
        earlier: &[&Polecat],
        policy: Option<&Policy>,
        has_bead: bool,
    ) -> Self {
        let policy = policy.filter(|policy| policy.enabled && has_bead);
        let before = if polecat.because().starts_over() {
            0
        } else {
            charged(earlier)
        };
        Self {
            left: policy.map(|policy| policy.max_attempts.saturating_sub(before)),
        }
    }
}

impl RetryRule for Chances {
    fn applies(&self, class: FailureClass) -> bool {
        match self.left {
            None => false,
            Some(_) if class == FailureClass::Evicted => true,
            // This failure takes one.
            Some(left) => left > 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use beadlet_store::keys::work;
    use serde_json::json;

    use super::super::fixture::{Became, polecat, rig};
    use super::*;

    fn policy(attempts: u32) -> Policy {
        Policy::parse(&rig("rig", json!({"dispatch": {"maxAttempts": attempts}})).spec).unwrap()
    }

    #[test]
    fn last_attempt_is_not_followed_by_another() {
        let policy = policy(2);
        let first = polecat("gt-1", 1).failed(FailureClass::AgentFailed, 9);
        let chances = |polecat: &Polecat, earlier: &[&Polecat]| {
            Chances::of(polecat, earlier, Some(&policy), true).applies(FailureClass::PushFailed)
        };
        assert!(chances(&polecat("gt-1", 1), &[]));
        assert!(!chances(&polecat("gt-1", 2), &[&first]));
        assert!(chances(
            &polecat("gt-1", 2).annotated(work::BECAUSE, "Changed"),
            &[&first]
        ));
    }

    #[test]
    fn eviction_is_always_followed_by_another() {
        assert!(
            Chances::of(&polecat("gt-1", 1), &[], Some(&policy(1)), true)
                .applies(FailureClass::Evicted)
        );
    }

    #[test]
    fn polecat_that_dispatch_does_not_know_is_not_followed_by_another() {
        assert!(!Chances::of(&polecat("gt-1", 1), &[], None, true).applies(FailureClass::Evicted));
        assert!(
            !Chances::of(&polecat("gt-1", 1), &[], Some(&policy(3)), false)
                .applies(FailureClass::AgentFailed)
        );
    }
}
