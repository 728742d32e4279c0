//! The Job of a Polecat. Every order gives one: there is nothing left to fail.

use std::collections::BTreeMap;

use beadlet_store::keys::{label, work};
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::contract::{container, task};
use super::name::job_name;
use super::order::Order;

mod containers;
mod pod;
mod volumes;

/// The Job, suspended: it is started in a second step, or by Kueue (see [`super::slot`]).
#[must_use]
pub fn job(order: &Order) -> Job {
    Job {
        metadata: ObjectMeta {
            name: Some(job_name(&order.polecat.name)),
            namespace: Some(order.polecat.namespace.clone()),
            labels: Some(labels(order, order.queue.as_deref())),
            annotations: some(order.metadata.annotations.clone()),
            owner_references: Some(vec![owner(order)]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            parallelism: Some(1),
            completions: Some(1),
            backoff_limit: Some(0),
            suspend: Some(true),
            active_deadline_seconds: Some(order.deadline_seconds),
            pod_failure_policy: Some(failure_policy()),
            pod_replacement_policy: Some("Failed".into()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(order, None)),
                    annotations: Some(pod_annotations(order)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod::spec(order)),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// Evicted pods are replaced free of charge, within the same Job. Any other end is the end of the Job; the rules name the container and
/// its exit code in the Job's condition, so that the outcome can be told even when the pod is gone.
fn failure_policy() -> PodFailurePolicy {
    let evicted = PodFailurePolicyRule {
        action: "Ignore".into(),
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".into(),
            status: Some("True".into()),
        }]),
        ..PodFailurePolicyRule::default()
    };
    let failed = |container: &str| PodFailurePolicyRule {
        action: "FailJob".into(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(container.into()),
            operator: "NotIn".into(),
            values: vec![0],
        }),
        ..PodFailurePolicyRule::default()
    };
    let containers = [container::GIT_INIT, container::AGENT, container::GIT_PUSH];
    PodFailurePolicy {
        rules: [evicted]
            .into_iter()
            .chain(containers.map(failed))
            .collect(),
    }
}

fn owner(order: &Order) -> OwnerReference {
    OwnerReference {
        api_version: "gastown.gastown.io/v1alpha1".into(),
        kind: "Polecat".into(),
        name: order.polecat.name.clone(),
        uid: order.polecat_uid.clone(),
        controller: Some(true),
        // With it, some clusters ask for rights on finalizers; our own finalizer keeps the order.
        block_owner_deletion: Some(false),
    }
}

fn labels(order: &Order, queue: Option<&str>) -> BTreeMap<String, String> {
    let bead = order.bead.as_ref().map(|(id, _)| id.clone());
    let convoy = order.convoy.as_ref().map(|(name, _)| name.clone());
    let ours = [
        (
            label::MANAGED_BY,
            Some(label::MANAGED_BY_BEADLET.to_owned()),
        ),
        (work::POLECAT, Some(order.polecat.name.clone())),
        (work::RIG, order.rig.clone()),
        (work::BEAD, bead),
        (work::CONVOY, convoy),
        (work::ATTEMPT, Some(order.attempt.to_string())),
        (work::QUEUE, queue.map(ToOwned::to_owned)),
    ];
    let mut labels = order.metadata.labels.clone();
    // Whose Job it is does not depend on a template's labels.
    labels.remove(work::QUEUE);
    labels.extend(ours.into_iter().filter_map(|(key, value)| {
        Some((key.to_owned(), value.filter(|value| fits_label(value))?))
    }));
    labels
}

fn pod_annotations(order: &Order) -> BTreeMap<String, String> {
    let convoy = order
        .convoy
        .as_ref()
        .map(|(_, description)| description.clone());
    let ours = [
        (task::DESCRIPTION, order.task.clone()),
        (task::CONVOY, convoy),
    ];
    let mut annotations = order.metadata.annotations.clone();
    annotations.extend(
        ours.into_iter()
            .map(|(key, value)| (key.to_owned(), value.unwrap_or_default())),
    );
    annotations
}

/// Whether a text may be a label's value.
#[must_use]
pub fn fits_label(text: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text
            .chars()
            .all(|c| is_edge(c) || matches!(c, '-' | '_' | '.'))
        && text.starts_with(is_edge)
        && text.ends_with(is_edge)
}

fn some<K, V>(map: BTreeMap<K, V>) -> Option<BTreeMap<K, V>> {
    (!map.is_empty()).then_some(map)
}

#[cfg(test)]
mod tests;
