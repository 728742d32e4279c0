//! Conditions as kstatus and `kubectl wait` read them.

use beadlet_store::kinds::{Convoy, Polecat, Rig};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// kstatus: what was asked for is there.
pub const READY: &str = "Ready";
/// kstatus: it is being worked on.
pub const RECONCILING: &str = "Reconciling";
/// kstatus: nothing more happens until a person does something.
pub const STALLED: &str = "Stalled";
/// Whether a Polecat, its Rig and what they refer to make a Job.
pub const CONFIGURED: &str = "Configured";
/// Whether a running Polecat has the key that its Secret holds now.
pub const KEY_CURRENT: &str = "KeyCurrent";
/// Set, for good, before a Polecat's Job is ended: no controller starts it any more.
pub const STOPPING: &str = "Stopping";
/// Whether the bead of a running Polecat is still one to work on.
pub const BEAD_OPEN: &str = "BeadOpen";

/// A condition that should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub type_: &'static str,
    pub status: bool,
    /// CamelCase.
    pub reason: &'static str,
    pub message: String,
}

impl Said {
    #[must_use]
    pub fn new(
        type_: &'static str,
        status: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            status,
            reason,
            message: message.into(),
        }
    }
}

/// Puts `said` into `conditions`. The time of the last transition stays while the status stays. Says whether that is an event: the status
/// or the reason became another.
pub fn set(
    conditions: &mut Vec<Condition>,
    said: &Said,
    generation: Option<i64>,
    now: Timestamp,
) -> bool {
    let Said {
        type_,
        status,
        reason,
        message,
    } = said;
    let status = if *status { "True" } else { "False" };
    let mut new = Condition {
        type_: (*type_).to_owned(),
        status: status.to_owned(),
        reason: (*reason).to_owned(),
        message: message.clone(),
        observed_generation: generation,
        last_transition_time: Time(now),
    };
    match conditions.iter_mut().find(|known| known.type_ == *type_) {
        Some(known) => {
            let is_same = known.status == status;
            if is_same {
                new.last_transition_time = known.last_transition_time.clone();
            }
            let is_event = !is_same || known.reason != *reason;
            *known = new;
            is_event
        }
        None => {
            conditions.push(new);
            true
        }
    }
}

/// Says that something could not be done that a person has to see to.
pub fn set_trouble(
    conditions: &mut Vec<Condition>,
    reason: &'static str,
    message: &str,
    generation: Option<i64>,
    now: Timestamp,
) {
    for (type_, is_true) in [(READY, false), (RECONCILING, false), (STALLED, true)] {
        let said = Said::new(type_, is_true, reason, message);
        set(conditions, &said, generation, now);
    }
}

/// Takes a condition out that says nothing any more.
pub fn unset(conditions: &mut Vec<Condition>, type_: &str) {
    conditions.retain(|known| known.type_ != type_);
}

/// An object with conditions.
pub trait Conditioned {
    fn conditions(&self) -> &[Condition];
}

macro_rules! conditioned {
    ($($kind:ty),*) => {$(
        impl Conditioned for $kind {
            fn conditions(&self) -> &[Condition] {
                self.status.as_ref().map_or(&[], |status| &status.conditions)
            }
        }
    )*};
}

conditioned!(Convoy, Polecat, Rig);

#[must_use]
pub fn find<'a>(object: &'a impl Conditioned, type_: &str) -> Option<&'a Condition> {
    object
        .conditions()
        .iter()
        .find(|condition| condition.type_ == type_)
}

#[must_use]
pub fn is_true(object: &impl Conditioned, type_: &str) -> bool {
    find(object, type_).is_some_and(|condition| condition.status == "True")
}

#[must_use]
pub fn is_false(object: &impl Conditioned, type_: &str) -> bool {
    find(object, type_).is_some_and(|condition| condition.status == "False")
}
