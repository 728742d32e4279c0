//! Why a Polecat is ended before its Job ends by itself.

use std::time::Duration;

use beadlet_store::kinds::{DesiredState, FailureClass};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};

use super::sight::Seen;
use super::{Outcome, View};
use crate::decide::attempt::Attempt;
use crate::decide::condition::{self, BEAD_OPEN, STOPPING};
use crate::decide::fate::Fate;
use crate::decide::pod::containers;

/// How long an image may fail to be pulled. The kubelet tries again within this time, for the case that the registry was just slow.
const IMAGE_PULL: Duration = Duration::from_secs(120);

/// A reason to end a Polecat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// Stands in the condition `Stopping`.
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// A failure; otherwise somebody wanted it so.
    pub(super) class: Option<FailureClass>,
}

const DELETED: &str = "Deleted";
const TERMINATED: &str = "Terminated";
const BEAD_CLOSED: &str = "BeadClosed";
const BEAD_REASSIGNED: &str = "BeadReassigned";
const BEAD_DELETED: &str = "BeadDeleted";
const IMAGE_NOT_PULLED: &str = "ImageNotPulled";
/// All reasons; one that is written down holds for good.
const REASONS: [&str; 6] = [
    DELETED,
    TERMINATED,
    BEAD_CLOSED,
    BEAD_REASSIGNED,
    BEAD_DELETED,
    IMAGE_NOT_PULLED,
];

/// The reason to end the Polecat, if there is one. One that was written down before stays.
pub(super) fn reason(view: &View<'_>, seen: &Seen<'_>) -> Option<Stop> {
    written(view)
        .or_else(|| wish(view))
        .or_else(|| no_image(view))
        .or_else(|| bead(view, seen))
}

fn written(view: &View<'_>) -> Option<Stop> {
    let condition =
        condition::find(view.polecat, STOPPING).filter(|condition| condition.status == "True")?;
    let reason = REASONS
        .into_iter()
        .find(|reason| *reason == condition.reason)
        .unwrap_or(TERMINATED);
    let class = (reason == IMAGE_NOT_PULLED).then_some(FailureClass::ImageNotPulled);
    Some(Stop {
        reason,
        message: condition.message.clone(),
        class,
    })
}

fn wish(view: &View<'_>) -> Option<Stop> {
    if view.polecat.metadata.deletion_timestamp.is_some() {
        return Some(Stop {
            reason: DELETED,
            message: "the Polecat is being deleted".into(),
            class: None,
        });
    }
    let is_wished = view.polecat.wanted() == DesiredState::Terminated;
    is_wished.then(|| Stop {
        reason: TERMINATED,
        message: "spec.desiredState is Terminated".into(),
        class: None,
    })
}

/// The bead is not to be worked on any more, and the time for the agent to notice by itself is over.
fn bead(view: &View<'_>, seen: &Seen<'_>) -> Option<Stop> {
    let (reason, message) = closed(&view.fate)?;
    let has_time = seen.job.is_some() && grace_end(view).is_none_or(|end| end > view.now);
    (!has_time).then_some(Stop {
        reason,
        message,
        class: None,
    })
}

fn closed(fate: &Fate) -> Option<(&'static str, String)> {
    match fate {
        Fate::Open | Fate::Unknown => None,
        Fate::Closed => Some((BEAD_CLOSED, "the bead was closed in git".into())),
        Fate::Reassigned { to } => Some((
            BEAD_REASSIGNED,
            format!("the bead was given to {to} in git"),
        )),
        Fate::Deleted => Some((BEAD_DELETED, "the bead is not in git any more".into())),
    }
}

/// The end of the time that a polecat has after its bead was closed, once that was written down.
fn grace_end(view: &View<'_>) -> Option<Timestamp> {
    let condition =
        condition::find(view.polecat, BEAD_OPEN).filter(|condition| condition.status == "False")?;
    condition
        .last_transition_time
        .0
        .checked_add(view.grace)
        .ok()
}

fn no_image(view: &View<'_>) -> Option<Stop> {
    let (pod, waiting) = unpullable(view.pods)?;
    let is_over = pull_end(pod).is_some_and(|end| end <= view.now);
    let detail = waiting.message.as_deref().unwrap_or_default();
    is_over.then(|| Stop {
        reason: IMAGE_NOT_PULLED,
        message: format!("an image cannot be pulled: {detail}"),
        class: Some(FailureClass::ImageNotPulled),
    })
}

fn pull_end(pod: &Pod) -> Option<Timestamp> {
    let created = pod.metadata.creation_timestamp.as_ref()?.0;
    created.checked_add(IMAGE_PULL).ok()
}

/// A pod with a container that waits for an image in vain.
fn unpullable<'a>(pods: &[&'a Pod]) -> Option<(&'a Pod, &'a ContainerStateWaiting)> {
    const VAIN: [&str; 5] = [
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
    ];
    pods.iter().find_map(|pod| {
        let waiting = waiting(pod).find(|waiting| {
            waiting
                .reason
                .as_deref()
                .is_some_and(|reason| VAIN.contains(&reason))
        })?;
        Some((*pod, waiting))
    })
}

/// The containers of a pod that wait.
pub(super) fn waiting(pod: &Pod) -> impl Iterator<Item = &ContainerStateWaiting> {
    containers(pod).filter_map(|container| container.state.as_ref()?.waiting.as_ref())
}

/// When the answer of [`reason`] changes by itself.
pub(super) fn next_look(view: &View<'_>, seen: &Seen<'_>) -> Option<Timestamp> {
    let bead = closed(&view.fate)
        .filter(|_| seen.job.is_some())
        .and_then(|_| grace_end(view).or_else(|| view.now.checked_add(view.grace).ok()));
    let image = unpullable(view.pods).and_then(|(pod, _)| pull_end(pod));
    bead.into_iter().chain(image).min()
}

/// The end of a Polecat whose Job somebody deleted.
pub(super) fn vanished(view: &View<'_>) -> Outcome {
    Outcome {
        failure: Some(FailureClass::Killed),
        is_permanent: false,
        message: "its Job was deleted".into(),
        result: None,
        at: Some(view.now),
    }
}
