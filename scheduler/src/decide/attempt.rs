//! A Polecat as the record of one attempt at a bead.

use std::collections::HashMap;

use beadlet_store::claim::{attempt_number, is_claim_of};
use beadlet_store::keys::{label, work};
use beadlet_store::kinds::{DesiredState, ExecutionMode, FailureClass, Polecat, PolecatPhase};
use jiff::Timestamp;
use kube::ResourceExt;

use super::bead::{Bead, BeadKey};
use super::revision::Revision;

/// Why dispatch made an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The bead was never tried.
    First,
    /// The last attempt failed.
    Failure,
    /// The last attempt was evicted.
    Eviction,
    /// The bead has changed since the last attempt.
    Changed,
    /// A person asked.
    Asked,
}

impl Because {
    const ALL: [(Self, &'static str); 5] = [
        (Self::First, "First"),
        (Self::Failure, "Failure"),
        (Self::Eviction, "Eviction"),
        (Self::Changed, "Changed"),
        (Self::Asked, "Asked"),
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(because, _)| *because == self)
            .map_or("", |(_, text)| text)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == text)
            .map(|(because, _)| *because)
    }

    /// Whether failures before it do not count any more.
    pub(super) fn starts_over(self) -> bool {
        matches!(self, Self::First | Self::Changed | Self::Asked)
    }
}

/// A Polecat, read as an attempt.
pub trait Attempt {
    fn phase(&self) -> PolecatPhase;
    fn is_final(&self) -> bool;
    /// Which attempt at its bead it is, from 1.
    fn number(&self) -> u32;
    fn bead(&self) -> Option<BeadKey>;
    fn because(&self) -> Because;
    /// What a person wants of it.
    fn wanted(&self) -> DesiredState;
    /// Whether it belongs to a program outside of the cluster.
    fn is_local(&self) -> bool;
    /// Whether dispatch made it.
    fn is_dispatched(&self) -> bool;
    fn was_asked_again(&self) -> bool;
    /// Whether it cannot go before the scheduler lets it.
    fn is_held(&self) -> bool;
    fn pauses(&self) -> i64;
    fn failure(&self) -> Option<FailureClass>;
    /// Whether a repeat could not end otherwise.
    fn is_permanent(&self) -> bool;
    /// The branch that has, or may have, what it did not bring to its end.
    fn unfinished_branch(&self) -> Option<&str>;
    fn finished_at(&self) -> Option<Timestamp>;
    /// What the bead said when it ended, or started.
    fn revision(&self) -> Option<Revision>;
    /// Whether the bead says something else than it did when this attempt ended. What was changed during the attempt, by its own
    /// date, is the attempt's own doing, and so is the report of its failure: a polecat that comments on its bead must not start itself
    /// again.
    fn is_outdated_by(&self, bead: &Bead) -> bool;
}

impl Attempt for Polecat {
    fn phase(&self) -> PolecatPhase {
        self.status
            .as_ref()
            .and_then(|status| status.phase)
            .unwrap_or_default()
    }

    fn is_final(&self) -> bool {
        self.phase().is_final()
    }

    fn number(&self) -> u32 {
        attempt_number(self)
    }

    fn bead(&self) -> Option<BeadKey> {
        let id = self.spec.bead_id.clone().filter(|id| !id.is_empty())?;
        Some(BeadKey {
            namespace: self.namespace().unwrap_or_default(),
            id,
        })
    }

    fn because(&self) -> Because {
        self.annotations()
            .get(work::BECAUSE)
            .and_then(|text| Because::parse(text))
            .unwrap_or(Because::Asked)
    }

    fn wanted(&self) -> DesiredState {
        let has_work = self.bead().is_some() || self.spec.task_description.is_some();
        self.spec.desired_state.unwrap_or(if has_work {
            DesiredState::Working
        } else {
            DesiredState::Idle
        })
    }

    fn is_local(&self) -> bool {
        self.spec.execution_mode == ExecutionMode::Local
    }

    fn is_dispatched(&self) -> bool {
        self.labels()
            .get(label::MANAGED_BY)
            .is_some_and(|by| by == label::MANAGED_BY_BEADLET)
    }

    fn is_held(&self) -> bool {
        let mut finalizers = self.finalizers().iter();
        finalizers.any(|name| name == work::FINALIZER)
    }

    fn was_asked_again(&self) -> bool {
        self.annotations().contains_key(work::RETRY)
    }

    fn pauses(&self) -> i64 {
        self.status
            .as_ref()
            .and_then(|status| status.pauses)
            .unwrap_or(0)
    }

    fn failure(&self) -> Option<FailureClass> {
        self.status.as_ref().and_then(|status| status.failure_class)
    }

    fn is_permanent(&self) -> bool {
        self.status
            .as_ref()
            .is_some_and(|status| status.permanent == Some(true))
    }

    fn unfinished_branch(&self) -> Option<&str> {
        let status = self.status.as_ref()?;
        let pushed = status
            .result
            .as_ref()
            .and_then(|result| result.branch.as_deref());
        // Its last words may have been lost, not what it pushed before.
        let branch = pushed.or(status.branch.as_deref());
        branch.filter(|_| self.phase() != PolecatPhase::Done)
    }

    fn finished_at(&self) -> Option<Timestamp> {
        self.status
            .as_ref()
            .and_then(|status| status.finished_at.as_ref())
            .map(|time| time.0)
    }

    fn revision(&self) -> Option<Revision> {
        let ended = self
            .status
            .as_ref()
            .and_then(|status| status.bead_revision.as_ref());
        ended
            .or_else(|| self.annotations().get(work::REVISION))
            .map(|text| Revision::noted(text))
    }

    fn is_outdated_by(&self, bead: &Bead) -> bool {
        let created = self.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let is_own_doing = || match (created, bead.updated_at, self.finished_at()) {
            (Some(begin), Some(changed), Some(end)) => begin < changed && changed <= end,
            _ => false,
        };
        let is_own_word = || {
            let last = bead.last_comment.as_ref();
            last.is_some_and(|last| last.at == bead.updated_at && is_claim_of(&last.author, self))
        };
        self.revision().is_some_and(|noted| noted != bead.revision)
            && !is_own_doing()
            && !is_own_word()
    }
}

/// All attempts, by bead, oldest first.
#[derive(Debug, Default)]
pub struct Ledger<'a> {
    attempts: HashMap<BeadKey, Vec<&'a Polecat>>,
}

impl<'a> Ledger<'a> {
    #[must_use]
    pub fn of(polecats: impl IntoIterator<Item = &'a Polecat>) -> Self {
        let mut attempts: HashMap<BeadKey, Vec<&Polecat>> = HashMap::new();
        for polecat in polecats {
            if let Some(bead) = polecat.bead() {
                attempts.entry(bead).or_default().push(polecat);
            }
        }
        for attempts in attempts.values_mut() {
            attempts.sort_by_key(|polecat| {
                (
                    polecat
                        .metadata
                        .creation_timestamp
                        .as_ref()
                        .map(|time| time.0),
                    polecat.number(),
                )
            });
        }
        Self { attempts }
    }

    /// The attempts at a bead, oldest first.
    #[must_use]
    pub fn attempts(&self, bead: &BeadKey) -> &[&'a Polecat] {
        self.attempts.get(bead).map_or(&[], Vec::as_slice)
    }
}

/// How many failures in a row, up to the last of `attempts`, count against `maxAttempts`: evictions do not, and neither do those
/// before the bead changed or a person asked.
#[must_use]
pub fn charged(attempts: &[&Polecat]) -> u32 {
    let mut charged = 0;
    for attempt in attempts.iter().rev() {
        match attempt.failure() {
            Some(FailureClass::Evicted) => {}
            Some(_) => charged += 1,
            None => break,
        }
        if attempt.because().starts_over() {
            break;
        }
    }
    charged
}
