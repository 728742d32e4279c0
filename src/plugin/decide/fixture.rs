//! A small town for the tests.

use beadlet_scheduler::decide::bead::Bead;
use beadlet_store::keys::{annotation, data, label};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, from_value, json};

use super::town::{Mirrored, Town};

/// A bead of namespace `ns` with these fields, READY unless it is closed or said otherwise.
pub(super) fn bead(id: &str, fields: Value) -> Mirrored {
    let mut issue = json!({"id": id, "title": format!("do {id}"), "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    merge(&mut issue, fields);
    let (is_open, blocked) = (issue["status"] == "open", issue["blocked"].as_str());
    let ready = (is_open && blocked.is_none()).to_string();
    let prefix = id.split('-').next();
    let configmap: ConfigMap = from_value(json!({
        "metadata": {
            "namespace": "ns", "name": format!("bead-{id}"), "uid": format!("uid-{id}"),
            "labels": {label::READY: ready, label::PREFIX: prefix, label::STORE: "store"},
            "annotations": {annotation::BEAD_ID: id, annotation::BLOCKED_BY: blocked.unwrap_or_default()},
        },
        "data": {data::ISSUE: issue.to_string()},
    }))
    .unwrap();
    let bead = Bead::parse(&configmap).unwrap();
    Mirrored { bead, configmap }
}

/// A town of one Rig with the prefix `gt`, and these beads.
pub(super) fn town<const N: usize>(rig: Value, beads: [Mirrored; N]) -> Town {
    let mut spec = json!({"gitURL": "https://git.example.com/gt.git", "beadsPrefix": "gt", "settings": {"maxPolecats": 8}});
    merge(&mut spec, rig);
    Town {
        namespace: Some("ns".into()),
        beads: beads.into(),
        rigs: vec![object(
            "Rig",
            json!({"metadata": {"name": "gastown"}, "spec": spec}),
        )],
        ..Town::default()
    }
}

/// An object of ours in namespace `ns`.
pub(super) fn object<K: serde::de::DeserializeOwned>(kind: &str, fields: Value) -> K {
    let mut object = json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": kind});
    merge(&mut object, fields);
    if kind != "Rig" {
        object["metadata"]["namespace"] = "ns".into();
    }
    from_value(object).unwrap()
}

/// A Polecat of the Rig.
pub(super) fn polecat(bead: &str, attempt: u32, status: &Value) -> beadlet_store::kinds::Polecat {
    let name = format!("{bead}-{attempt}");
    object(
        "Polecat",
        json!({"metadata": {"name": name, "labels": {"gastown.gastown.io/attempt": attempt.to_string()}},
            "spec": {"rig": "gastown", "beadID": bead, "desiredState": "Working"}, "status": status}),
    )
}

fn merge(into: &mut Value, fields: Value) {
    if let (Some(into), Value::Object(fields)) = (into.as_object_mut(), fields) {
        into.extend(fields);
    }
}
