//! What a pass of the mirror would do to each ConfigMap, and why. Values in, values out.

use std::collections::{BTreeMap, HashSet};

use beadlet_store::configmap::{DesiredBead, Renderer, owns_annotation, owns_label};
use beadlet_store::keys::annotation::CONTENT_HASH;
use beadlet_store::name::configmap_name;
use beadlet_sync::decide::revision::{Decision, Revision};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

/// One ConfigMap that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub action: Action,
    pub name: String,
    /// The issue's id; none where the file does not have it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub reason: String,
}

/// What a pass does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    Delete,
    /// Nothing, because the object is somebody else's.
    Refuse,
    /// Nothing until the object of that name is gone.
    Wait,
}

impl Action {
    /// The name in tables, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Refuse => "refuse",
            Self::Wait => "wait",
        }
    }

    /// Whether it is a write.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }
}

/// All changes of a decision: creations, updates, deletions, and what stands in the way. `found` holds the ConfigMaps that would be
/// updated, by name; one that is missing there has gone in the meantime.
#[must_use]
pub fn changes(
    revision: &Revision<'_>,
    renderer: &Renderer<'_>,
    decision: &Decision,
    found: &BTreeMap<String, ConfigMap>,
) -> Vec<Change> {
    let plan = &decision.plan;
    let wanted =
        |places: &[usize], action, reason: &dyn Fn(&DesiredBead) -> String| -> Vec<Change> {
            let issues = places
                .iter()
                .filter_map(|at| revision.mirrored.issues.get(*at));
            issues
                .map(|index| renderer.desired(*index))
                .map(|bead| change(action, &bead, reason(&bead)))
                .collect()
        };
    let mut changes = wanted(&plan.create, Action::Create, &|_| {
        "the issue is not in the cluster".to_owned()
    });
    changes.extend(wanted(&plan.update, Action::Update, &|bead| {
        update_reason(bead, found.get(&bead.name))
    }));
    changes.extend(deletions(revision, decision));
    changes.extend(wanted(&plan.foreign, Action::Refuse, &|_| {
        "beadlet did not make the ConfigMap of this name".to_owned()
    }));
    changes.extend(wanted(&plan.terminating, Action::Wait, &|_| {
        "the ConfigMap of this name is being deleted".to_owned()
    }));
    changes
}

fn change(action: Action, bead: &DesiredBead, reason: String) -> Change {
    Change {
        action,
        name: bead.name.clone(),
        id: Some(bead.id.to_string()),
        reason,
    }
}

fn deletions(revision: &Revision<'_>, decision: &Decision) -> Vec<Change> {
    let reading = &revision.reading;
    let retired: HashSet<String> = reading
        .issues
        .iter()
        .map(|issue| configmap_name(&issue.id))
        .collect();
    let deleted: HashSet<String> = reading.deleted.iter().map(configmap_name).collect();
    let reason = |name: &str| match (retired.contains(name), deleted.contains(name)) {
        (true, _) => "the issue was closed longer ago than closed issues are kept",
        (_, true) => "the issue was deleted",
        _ => "the issue is not in the file",
    };
    let delete = |name: &str| Change {
        action: Action::Delete,
        name: name.to_owned(),
        id: None,
        reason: reason(name).to_owned(),
    };
    decision
        .plan
        .delete
        .iter()
        .map(|name| delete(name))
        .collect()
}

fn update_reason(bead: &DesiredBead, found: Option<&ConfigMap>) -> String {
    let Some(found) = found else {
        return "the ConfigMap has just gone".to_owned();
    };
    let different = differences(bead, found);
    if different.is_empty() {
        "its content hash or owner is different".to_owned()
    } else {
        format!("different: {}", different.join(", "))
    }
}

/// The keys that are not what they should be, of those that are beadlet's own.
fn differences(bead: &DesiredBead, found: &ConfigMap) -> Vec<String> {
    let empty = BTreeMap::new();
    let no_bytes = BTreeMap::new();
    let labels = found.metadata.labels.as_ref().unwrap_or(&empty);
    let annotations = found.metadata.annotations.as_ref().unwrap_or(&empty);
    let data = found.data.as_ref().unwrap_or(&empty);
    let binary: BTreeMap<String, Vec<u8>> = found
        .binary_data
        .as_ref()
        .unwrap_or(&no_bytes)
        .iter()
        .map(|(key, value)| (key.clone(), value.0.clone()))
        .collect();
    let mut different = differing(&bead.labels, labels, owns_label);
    different.extend(differing(&bead.annotations, annotations, |key| {
        owns_annotation(key) && key != CONTENT_HASH
    }));
    different.extend(differing(&bead.data, data, |_| true));
    different.extend(differing(&bead.binary_data, &binary, |_| true));
    different
}

fn differing<V: PartialEq>(
    desired: &BTreeMap<String, V>,
    found: &BTreeMap<String, V>,
    is_ours: impl Fn(&str) -> bool,
) -> Vec<String> {
    let missing_or_other = desired
        .iter()
        .filter(|(key, value)| found.get(*key) != Some(value))
        .map(|(key, _)| key);
    let too_many = found
        .keys()
        .filter(|key| is_ours(key) && !desired.contains_key(*key));
    let mut keys: Vec<String> = missing_or_other.chain(too_many).cloned().collect();
    keys.sort();
    keys
}
