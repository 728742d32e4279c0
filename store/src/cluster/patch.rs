//! The JSON merge patch that turns an object of ours into what it should be. Decides: no I/O.
//!
//! A patch names every key of ours that must go as `null`: the first writer of an object is a POST, so nothing else would take a
//! label away that is no longer wanted. Keys of other people are not named and stay.

use std::collections::BTreeMap;

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
    let labels = prior.keys.iter().filter_map(|key| match key {
        OwnKey::Label(key) => Some(&**key),
        OwnKey::Annotation(_) => None,
    });
    let annotations = prior.keys.iter().filter_map(|key| match key {
        OwnKey::Annotation(key) => Some(&**key),
        OwnKey::Label(_) => None,
    });
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
        data: keys(data::ALL, desired.data.as_ref()),
        binary_data: binary(desired),
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

fn binary(desired: &ConfigMap) -> BTreeMap<&str, Option<&ByteString>> {
    let mut keys: BTreeMap<_, _> = data::ALL.into_iter().map(|key| (key, None)).collect();
    let wanted = desired.binary_data.iter().flatten();
    keys.extend(wanted.map(|(key, value)| (key.as_str(), Some(value))));
    keys
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
