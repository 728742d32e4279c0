//! What is said of a Polecat's pod.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::super::stop::waiting;
use crate::decide::pod::containers;

/// What the pod does or waits for.
pub(super) fn pod_words(pod: Option<&Pod>) -> String {
    let Some(pod) = pod else {
        return "its Job has no pod yet".into();
    };
    let name = pod.name_any();
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending");
    let unscheduled = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut unscheduled = unscheduled
        .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    let held_up = waiting(pod).find(|waiting| waiting.message.is_some());
    match (held_up, unscheduled.next()) {
        (Some(waiting), _) => {
            let reason = waiting.reason.as_deref().unwrap_or("waiting");
            format!(
                "pod {name} waits: {reason}: {}",
                waiting.message.as_deref().unwrap_or_default()
            )
        }
        (None, Some(condition)) => format!(
            "pod {name} has no node: {}",
            condition.message.as_deref().unwrap_or_default()
        ),
        (None, None) => format!("pod {name} is {}", phase.to_lowercase()),
    }
}

pub(super) fn is_active(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The last time a container of the pod started or ended.
pub(super) fn last_activity(pod: &Pod) -> Option<Time> {
    let times = containers(pod)
        .filter_map(|container| container.state.as_ref())
        .flat_map(|state| {
            let running = state
                .running
                .as_ref()
                .and_then(|running| running.started_at.clone());
            let ended = state
                .terminated
                .as_ref()
                .and_then(|ended| ended.finished_at.clone());
            running.into_iter().chain(ended)
        });
    times.map(|time| time.0).max().map(Time)
}
