//! What the scheduler counts. The program exports it; the scheduler knows of no metrics library.

use std::collections::BTreeSet;
use std::time::Duration;

use beadlet_store::kinds::{FailureClass, WaitReason};
use beadlet_store::trace::Watcher;

use crate::fault::{Ask, Reason};

/// The controllers, for labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    Dispatch,
    Polecat,
    Convoy,
}

impl Controller {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Polecat => "polecat",
            Self::Convoy => "convoy",
        }
    }
}

/// One Rig after a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue<'a> {
    pub rig: &'a str,
    /// `maxPolecats`.
    pub limit: usize,
    /// Places taken.
    pub taken: usize,
    /// Polecats whose agent runs.
    pub running: usize,
    /// Beads and Polecats that wait for a place, a convoy or a window.
    pub queued: usize,
    /// Everything that waits, by reason.
    pub waiting: &'a [(WaitReason, usize)],
}

/// Somebody who wants to know. Every method may be called from several threads at once and must not wait.
pub trait Observations: Send + Sync {
    /// After each pass over a Rig.
    fn queue(&self, queue: &Queue<'_>);
    /// These Rigs are there, and no others any more.
    fn rigs(&self, there: &BTreeSet<String>);
    /// A Job was created, that long after its bead was seen ready.
    fn job_created(&self, rig: &str, after_ready: Duration);
    /// A Polecat ended; with `None` it was done or stopped by somebody.
    fn polecat_ended(&self, rig: &str, class: Option<FailureClass>);
    /// A request was refused or failed.
    fn refused(&self, ask: Ask, reason: Reason);
    /// A controller looked at one object.
    fn reconciled(&self, controller: Controller, took: Duration, is_good: bool);
    /// This process began, or ceased, to lead.
    fn leads(&self, leads: bool);
    /// An Event was not written because too many wait.
    fn event_dropped(&self);
    /// Who wants to see spans, if anybody does.
    fn watcher(&self) -> Watcher {
        None
    }
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observations for Unobserved {
    fn queue(&self, _: &Queue<'_>) {}
    fn rigs(&self, _: &BTreeSet<String>) {}
    fn job_created(&self, _: &str, _: Duration) {}
    fn polecat_ended(&self, _: &str, _: Option<FailureClass>) {}
    fn refused(&self, _: Ask, _: Reason) {}
    fn reconciled(&self, _: Controller, _: Duration, _: bool) {}
    fn leads(&self, _: bool) {}
    fn event_dropped(&self) {}
}
