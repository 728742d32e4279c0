//! Whether a ready bead gets a polecat, and why not.

use std::time::Duration;

use beadlet_store::kinds::{FailureClass, Polecat, PolecatPhase, WaitReason};
use jiff::Timestamp;

use super::attempt::{Attempt, Because, charged};
use super::bead::Bead;
use super::policy::Policy;

/// An evicted attempt is repeated free of charge, but a node that evicts at once must not spin.
const EVICTION_PAUSE: Duration = Duration::from_secs(10);

/// The answer for one ready bead.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict<'a> {
    /// A polecat has it.
    UnderWay(&'a Polecat),
    /// It is next in line.
    Next(NextAttempt),
    Wait(Wait),
}

/// The attempt that comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextAttempt {
    /// From 1.
    pub number: u32,
    pub because: Because,
    /// The branch of the last attempt, which did not come to its end: the work goes on there.
    pub branch: Option<String>,
}

/// Why a bead waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub reason: WaitReason,
    /// What exactly, for people.
    pub detail: String,
    /// When the answer changes by itself.
    pub until: Option<Timestamp>,
}

impl Wait {
    #[must_use]
    pub fn new(reason: WaitReason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            until: None,
        }
    }

    #[must_use]
    pub fn until(reason: WaitReason, until: Timestamp, detail: impl Into<String>) -> Self {
        Self {
            until: Some(until),
            ..Self::new(reason, detail)
        }
    }
}

/// The verdict on a ready bead of a Rig, from the attempts at it (oldest first). Knows nothing of limits and windows.
#[must_use]
pub fn verdict<'a>(
    bead: &Bead,
    attempts: &[&'a Polecat],
    policy: &Policy,
    now: Timestamp,
) -> Verdict<'a> {
    if let Some(polecat) = attempts.iter().rev().find(|attempt| !attempt.is_final()) {
        return Verdict::UnderWay(polecat);
    }
    if let Some(wait) = unsuitable(bead, policy) {
        return Verdict::Wait(wait);
    }
    match next_attempt(bead, attempts, policy, now) {
        Ok(because) => Verdict::Next(NextAttempt {
            number: last_number(bead, attempts) + 1,
            because,
            branch: attempts
                .last()
                .and_then(|last| last.unfinished_branch())
                .map(ToOwned::to_owned),
        }),
        Err(wait) => Verdict::Wait(wait),
    }
}

/// The highest number that an attempt at the bead ever had.
#[must_use]
pub fn last_number(bead: &Bead, attempts: &[&Polecat]) -> u32 {
    attempts
        .iter()
        .map(|attempt| attempt.number())
        .max()
        .unwrap_or(0)
        .max(bead.last_attempt)
}

/// What the Rig does not take on, whatever happened before.
fn unsuitable(bead: &Bead, policy: &Policy) -> Option<Wait> {
    let is_denied = |label: &&String| policy.deny_labels.contains(label);
    let is_missing = |label: &&String| !bead.labels.contains(label);
    if !policy.enabled {
        return Some(Wait::new(
            WaitReason::Disabled,
            "dispatch is switched off: spec.dispatch.enabled of the Rig",
        ));
    }
    if !policy.types.contains(&bead.issue_type) {
        let detail = format!(
            "type {} is not dispatched: spec.dispatch.types of the Rig",
            bead.issue_type
        );
        return Some(Wait::new(WaitReason::Type, detail));
    }
    if let Some(label) = bead.labels.iter().find(is_denied) {
        return Some(Wait::new(
            WaitReason::DeniedLabel,
            format!("label {label} keeps it for people"),
        ));
    }
    if let Some(label) = policy.require_labels.iter().find(is_missing) {
        return Some(Wait::new(
            WaitReason::MissingLabel,
            format!("label {label} is required and missing"),
        ));
    }
    let assignee = bead.assignee.as_ref()?;
    Some(Wait::new(
        WaitReason::Assigned,
        format!("{assignee} has it"),
    ))
}

fn next_attempt(
    bead: &Bead,
    attempts: &[&Polecat],
    policy: &Policy,
    now: Timestamp,
) -> Result<Because, Wait> {
    let Some(last) = attempts.last() else {
        return Ok(Because::First);
    };
    if last.was_asked_again() {
        return Ok(Because::Asked);
    }
    if last.is_outdated_by(bead) {
        return Ok(Because::Changed);
    }
    let number = last.number();
    match last.phase() {
        PolecatPhase::Done => {
            let detail = format!(
                "attempt {number} is done, and the bead is still open in git and has not changed since"
            );
            Err(Wait::new(WaitReason::AlreadyDone, detail))
        }
        PolecatPhase::Terminated => {
            let detail =
                format!("attempt {number} was stopped, and the bead has not changed since");
            Err(Wait::new(WaitReason::Stopped, detail))
        }
        _ => after_failure(attempts, last, policy, now),
    }
}

fn after_failure(
    attempts: &[&Polecat],
    last: &Polecat,
    policy: &Policy,
    now: Timestamp,
) -> Result<Because, Wait> {
    let failures = charged(attempts);
    let is_eviction = last.failure() == Some(FailureClass::Evicted);
    if last.is_permanent() {
        let detail = format!(
            "attempt {} failed for a reason that stays: see to what Polecat {} says, then `kubectl bead retry {}`",
            last.number(),
            last.metadata.name.as_deref().unwrap_or_default(),
            last.spec.bead_id.as_deref().unwrap_or_default()
        );
        return Err(Wait::new(WaitReason::Stuck, detail));
    }
    if failures >= policy.max_attempts {
        let detail = format!(
            "{failures} attempts failed: look at Polecat {}",
            last.metadata.name.as_deref().unwrap_or_default()
        );
        return Err(Wait::new(WaitReason::Stuck, detail));
    }
    let pause = if is_eviction {
        EVICTION_PAUSE.min(policy.backoff_initial)
    } else {
        policy.backoff(failures)
    };
    match last
        .finished_at()
        .and_then(|end| end.checked_add(pause).ok())
    {
        Some(until) if until > now => {
            let detail = format!(
                "attempt {} failed; the next one starts at {until:.0}",
                last.number()
            );
            Err(Wait::until(WaitReason::Backoff, until, detail))
        }
        _ if is_eviction => Ok(Because::Eviction),
        _ => Ok(Because::Failure),
    }
}

#[cfg(test)]
mod tests;
