//! Objects for the tests, as short as they can be said.

use std::collections::BTreeMap;

use beadlet_store::keys::{annotation, data, label, work};
use beadlet_store::kinds::{Convoy, DesiredState, FailureClass, Polecat, PolecatPhase, Rig};
use jiff::{Timestamp, ToSpan};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, from_value, json};

use super::bead::Bead;

/// Noon, where the tests are.
pub(crate) fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

pub(crate) fn before(minutes: i64) -> Timestamp {
    noon() - minutes.minutes()
}

/// A ready task of namespace `ns`, made at the begin of 2026.
pub(crate) fn bead(id: &str) -> Bead {
    bead_with(id, json!({}))
}

pub(crate) fn bead_with(id: &str, fields: Value) -> Bead {
    Bead::parse(&configmap(id, fields)).unwrap()
}

/// The ConfigMap of a ready bead, as the mirror makes it.
pub(crate) fn configmap(id: &str, fields: Value) -> ConfigMap {
    let mut issue = json!({"id": id, "title": format!("do {id}"), "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    for (key, value) in fields.as_object().unwrap() {
        issue[key] = value.clone();
    }
    let prefix = id.split('-').next().unwrap();
    from_value(json!({
        "metadata": {
            "namespace": "ns", "name": format!("bead-{id}"), "uid": format!("uid-{id}"),
            "labels": {label::READY: "true", label::PREFIX: prefix, label::STORE: "store"},
            "annotations": {annotation::BEAD_ID: id},
        },
        "data": {data::ISSUE: issue.to_string()},
    }))
    .unwrap()
}

pub(crate) fn rig(name: &str, spec: Value) -> Rig {
    let mut whole = json!({"gitURL": "https://git.example.com/gt.git", "beadsPrefix": "gt", "settings": {"maxPolecats": 8}});
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": name, "uid": "rig-uid"}, "spec": whole}))
        .unwrap()
}

pub(crate) fn convoy(name: &str, beads: &[&str], parallelism: u32) -> Convoy {
    from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Convoy", "metadata": {"namespace": "ns", "name": name},
        "spec": {"description": name, "trackedBeads": beads, "parallelism": parallelism},
    }))
    .unwrap()
}

/// A Polecat of Rig `rig` that dispatch made an hour before noon.
pub(crate) fn polecat(bead: &str, attempt: u32) -> Polecat {
    let mut polecat: Polecat = from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat",
        "metadata": {
            "namespace": "ns", "name": format!("{bead}-{attempt}"), "uid": format!("uid-{bead}-{attempt}"),
            "resourceVersion": "1", "generation": 1, "finalizers": [work::FINALIZER],
            "labels": {label::MANAGED_BY: label::MANAGED_BY_BEADLET, work::ATTEMPT: attempt.to_string()},
            "annotations": {work::BECAUSE: if attempt == 1 { "First" } else { "Failure" }},
        },
        "spec": {"rig": "rig", "beadID": bead, "desiredState": "Working"},
        "status": {},
    }))
    .unwrap();
    polecat.metadata.creation_timestamp = Some(Time(before(60)));
    polecat
}

/// Short ways to say what became of a Polecat.
pub(crate) trait Became {
    fn in_phase(self, phase: PolecatPhase) -> Self;
    fn ended(self, phase: PolecatPhase, minutes_before_noon: i64) -> Self;
    fn failed(self, class: FailureClass, minutes_before_noon: i64) -> Self;
    fn wanted(self, state: DesiredState) -> Self;
    fn saw(self, bead: &Bead) -> Self;
    fn annotated(self, key: &str, value: &str) -> Self;
}

impl Became for Polecat {
    fn in_phase(mut self, phase: PolecatPhase) -> Self {
        self.status.get_or_insert_default().phase = Some(phase);
        self
    }

    fn ended(self, phase: PolecatPhase, minutes_before_noon: i64) -> Self {
        let mut ended = self.in_phase(phase);
        ended.status.get_or_insert_default().finished_at = Some(Time(before(minutes_before_noon)));
        ended
    }

    fn failed(self, class: FailureClass, minutes_before_noon: i64) -> Self {
        let mut failed = self.ended(PolecatPhase::Failed, minutes_before_noon);
        failed.status.get_or_insert_default().failure_class = Some(class);
        failed
    }

    fn wanted(mut self, state: DesiredState) -> Self {
        self.spec.desired_state = Some(state);
        self
    }

    fn saw(mut self, bead: &Bead) -> Self {
        self.status.get_or_insert_default().bead_revision = Some(bead.revision.to_string());
        self
    }

    fn annotated(mut self, key: &str, value: &str) -> Self {
        self.metadata
            .annotations
            .get_or_insert_with(BTreeMap::new)
            .insert(key.into(), value.into());
        self
    }
}

pub(crate) fn defaults() -> super::order::Defaults {
    super::order::Defaults {
        beadlet_image: "beadlet:test".into(),
        opencode_image: "opencode:test".into(),
        claude_code_image: "claude-code:test".into(),
        author_email: "polecats@example.com".into(),
        agent_resources: from_value(
            json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}}),
        )
        .unwrap(),
    }
}

/// A Polecat that a person wrote, in namespace `ns`.
pub(crate) fn by_hand(name: &str, spec: Value) -> Polecat {
    from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat",
        "metadata": {"namespace": "ns", "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1", "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

/// The Polecat of the README (`spec/design.md` §3).
pub(crate) fn seed() -> Polecat {
    by_hand(
        "test-worker",
        json!({
            "executionMode": "kubernetes",
            "beadID": "gt-0042",
            "kubernetes": {
                "gitRepository": "git@github.com:example/repo.git",
                "gitBranch": "main",
                "gitSecretRef": {"name": "git-creds"},
                "agent": "opencode",
                "agentConfig": {
                    "provider": "litellm",
                    "model": "devstral-123b",
                    "modelProvider": {
                        "endpoint": "https://ai-gateway.example.com/v1",
                        "apiKeySecretRef": {"name": "litellm-key", "key": "API_KEY"},
                    },
                },
            },
        }),
    )
}
