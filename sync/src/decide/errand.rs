//! What a pass has to do, going by what started it.

use crate::triggers::{Fired, Trigger};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    Nothing,
    /// Read the revision once more that the cluster shows. Needs no network.
    Redo,
    /// See where the branch stands.
    Look,
}

/// Where the mirror stands before the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// There is a revision that the cluster shows.
    pub shows_revision: bool,
    /// The last pass failed, and it is not time yet to try again.
    pub waits: bool,
}

/// Decides. Nothing fired means that the wait after a failure is over.
#[must_use]
pub fn errand(fired: Fired, progress: Progress) -> Errand {
    let any = |triggers: &[Trigger]| triggers.iter().any(|&t| fired.contains(t));
    // News, or somebody who asks, does not wait.
    if any(&[
        Trigger::Start,
        Trigger::Files,
        Trigger::Signal,
        Trigger::Poke,
        Trigger::Webhook,
    ]) {
        return Errand::Look;
    }
    if any(&[Trigger::Poll]) && !progress.waits {
        return Errand::Look;
    }
    if any(&[Trigger::Clock, Trigger::Drift]) {
        return if progress.shows_revision {
            Errand::Redo
        } else {
            Errand::Look
        };
    }
    if any(&[Trigger::Poll]) {
        Errand::Nothing
    } else {
        Errand::Look
    }
}

/// Whether a revision is read although nothing is known to have changed.
#[must_use]
pub fn must_read(fired: Fired) -> bool {
    let idle = [Trigger::Poll, Trigger::Files, Trigger::Webhook];
    fired == Fired::default() || fired.iter().any(|trigger| !idle.contains(&trigger))
}
