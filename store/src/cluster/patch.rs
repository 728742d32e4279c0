//! The JSON merge patch that turns an object of ours into what it should be. Decides: no I/O.
//!
//! A patch names every key of ours that must go as `null`: the first writer of an object is a POST, so nothing else would take a
//! label away that is no longer wanted. Keys of other people are not named and stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;

use super::stored::{OwnKey, Prior};
use crate::keys::{annotation, data, label};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MergePatch<'a> {
    metadata: MetaPatch<'a>,
    data: BTreeMap<&'a str, Option<&'a str>>,
    binary_data: BTreeMap<&'a str, Option<&'a ByteString>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaPatch<'a> {
    uid: &'a str,
    resource_version: &'a str,
    labels: BTreeMap<&'a str, Option<&'a str>>,
    annotations: BTreeMap<&'a str, Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_references: Option<Vec<&'a OwnerReference>>,
}

/// The patch to `desired` for the object that is `prior`. The server refuses it with 409 when the object is another one by now.
pub(super) fn merge_patch<'a>(desired: &'a ConfigMap, prior: &'a Prior) -> MergePatch<'a> {
    let meta = &desired.metadata;
    let labels = named(prior, |key| match key {
        OwnKey::Label(key) => Some(key),
        OwnKey::Annotation(_) | OwnKey::Data(_) => None,
    });
    let annotations = named(prior, |key| match key {
        OwnKey::Annotation(key) => Some(key),
        OwnKey::Label(_) | OwnKey::Data(_) => None,
    });
    let data_keys = || {
        let extra = named(prior, |key| match key {
            OwnKey::Data(key) => Some(key),
            OwnKey::Label(_) | OwnKey::Annotation(_) => None,
        });
        data::ALL.into_iter().chain(extra)
    };
    MergePatch {
        metadata: MetaPatch {
            uid: &prior.identity.uid,
            resource_version: prior.identity.version.as_str(),
            labels: keys(
                label::SINGLE.into_iter().chain(labels),
                meta.labels.as_ref(),
            ),
            annotations: keys(
                annotation::ON_CONFIGMAP.into_iter().chain(annotations),
                meta.annotations.as_ref(),
            ),
            owner_references: owners(desired, prior),
        },
        data: keys(data_keys(), desired.data.as_ref()),
        binary_data: binary(data_keys(), desired),
    }
}

/// `null` for what may be there, overlaid with what should be.
fn keys<'a>(
    gone: impl IntoIterator<Item = &'a str>,
    wanted: Option<&'a BTreeMap<String, String>>,
) -> BTreeMap<&'a str, Option<&'a str>> {
    let mut keys: BTreeMap<_, _> = gone.into_iter().map(|key| (key, None)).collect();
    let wanted = wanted.into_iter().flatten();
    keys.extend(wanted.map(|(key, value)| (key.as_str(), Some(value.as_str()))));
    keys
}

fn binary<'a>(
    gone: impl IntoIterator<Item = &'a str>,
    desired: &'a ConfigMap,
) -> BTreeMap<&'a str, Option<&'a ByteString>> {
    let mut keys: BTreeMap<_, _> = gone.into_iter().map(|key| (key, None)).collect();
    let wanted = desired.binary_data.iter().flatten();
    keys.extend(wanted.map(|(key, value)| (key.as_str(), Some(value))));
    keys
}

fn named(
    prior: &Prior,
    of_kind: impl Fn(&OwnKey) -> Option<&Arc<str>>,
) -> impl Iterator<Item = &str> {
    prior
        .keys
        .iter()
        .filter_map(move |key| of_kind(key).map(|key| &**key))
}

/// A merge patch replaces the whole list, so the owners that other people set are named again.
fn owners<'a>(desired: &'a ConfigMap, prior: &'a Prior) -> Option<Vec<&'a OwnerReference>> {
    let wanted = desired.metadata.owner_references.as_deref()?;
    let found = prior.owners.as_deref()?;
    let is_other = |o: &&OwnerReference| {
        !wanted
            .iter()
            .any(|w| w.uid == o.uid || (w.kind == o.kind && w.name == o.name))
    };
    Some(wanted.iter().chain(found.iter().filter(is_other)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Identity, ResourceVersion};
    use serde_json::{Value, json};

    fn prior(keys: Vec<OwnKey>, owners: Option<Value>) -> Prior {
        Prior {
            identity: Identity {
                uid: "u".into(),
                version: ResourceVersion::new("7"),
            },
            keys,
            owners: owners.map(|owners| serde_json::from_value(owners).unwrap()),
        }
    }

    fn patch(desired: Value, prior: &Prior) -> Value {
        let desired = serde_json::from_value(desired).unwrap();
        serde_json::to_value(merge_patch(&desired, prior)).unwrap()
    }

    #[test]
    fn what_is_not_wanted_any_more_is_named_as_null() {
        let keys = vec![
            OwnKey::Label("bead-label/old".into()),
            OwnKey::Label("bead-label/kept".into()),
            OwnKey::Annotation("gastown.gastown.io/odd".into()),
            OwnKey::Data("extra".into()),
        ];
        let desired = json!({
            "metadata": {"name": "bead-gt-1", "labels": {"bead-label/kept": "", "bead-status": "open"}},
            "data": {"title": "t"},
            "binaryData": {"issue.json": "AA=="},
        });
        let patch = patch(desired, &prior(keys, None));
        let (labels, annotations) = (
            &patch["metadata"]["labels"],
            &patch["metadata"]["annotations"],
        );
        assert_eq!(labels["bead-label/old"], Value::Null);
        assert!(labels.as_object().unwrap().contains_key("bead-label/old"));
        assert_eq!(labels["bead-label/kept"], "");
        assert_eq!(labels["bead-status"], "open");
        assert!(labels.as_object().unwrap().contains_key("bead-prefix"));
        assert!(
            annotations
                .as_object()
                .unwrap()
                .contains_key("gastown.gastown.io/odd")
        );
        assert!(
            annotations
                .as_object()
                .unwrap()
                .contains_key("gastown.gastown.io/blocked-by")
        );
        assert_eq!(
            patch["data"],
            json!({"title": "t", "issue.json": null, "extra": null})
        );
        assert_eq!(
            patch["binaryData"],
            json!({"title": null, "issue.json": "AA==", "extra": null})
        );
    }

    #[test]
    fn a_patch_is_for_one_version_of_one_object() {
        let patch = patch(json!({"metadata": {"name": "a"}}), &prior(Vec::new(), None));
        assert_eq!(patch["metadata"]["uid"], "u");
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        assert!(
            !patch["metadata"]
                .as_object()
                .unwrap()
                .contains_key("ownerReferences")
        );
    }

    #[test]
    fn owners_that_others_set_stay_when_ours_is_missing() {
        let owner = |kind: &str, uid: &str| json!({"apiVersion": "v1", "kind": kind, "name": "n", "uid": uid});
        let desired =
            json!({"metadata": {"name": "a", "ownerReferences": [owner("BeadStore", "new")]}});
        let found = json!([owner("BeadStore", "old"), owner("Team", "t")]);
        let patch = patch(desired, &prior(Vec::new(), Some(found)));
        let expected = json!([owner("BeadStore", "new"), owner("Team", "t")]);
        assert_eq!(patch["metadata"]["ownerReferences"], expected);
    }
}
