//! A bead's ConfigMap as it was found in the cluster. Decides: bytes in, values out.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::ownership::{Claim, Ownership, ownership};
use crate::configmap::{ContentHash, observed_hash, owns_annotation, owns_label};
use crate::keys::{annotation, data, label};

/// A version of an object, as the API server names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ResourceVersion(Box<str>);

impl ResourceVersion {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` was written after `other`. Versions are decimal numbers that grow with each write of one kind of
    /// object (KEP-5504); where one is not, every other version counts as newer, which costs a look at the object.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        match (self.0.parse::<u64>(), other.0.parse::<u64>()) {
            (Ok(mine), Ok(theirs)) => mine > theirs,
            _ => self != other,
        }
    }
}

/// Which object, in which version: the guard of every write.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    pub uid: Box<str>,
    #[serde(rename = "resourceVersion")]
    pub version: ResourceVersion,
}

/// A key of ours that not every bead has, so that a patch must name it to take it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnKey {
    Label(Arc<str>),
    Annotation(Arc<str>),
    /// Of `data` or of `binaryData`: all data of a bead is ours.
    Data(Arc<str>),
}

/// What a change of an object has to know about the object.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    pub identity: Identity,
    pub keys: Vec<OwnKey>,
    /// All its owners, where the one we want is not among them.
    pub owners: Option<Box<[OwnerReference]>>,
}

/// An object seen without its content.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Sighting {
    pub name: Box<str>,
    pub uid: Box<str>,
    #[serde(rename = "resourceVersion")]
    pub version: ResourceVersion,
}

/// An object that was read.
#[derive(Clone, Debug)]
pub struct Stored {
    pub name: Box<str>,
    pub identity: Identity,
    pub ownership: Ownership,
    /// It is deleted, but a finalizer keeps it.
    pub terminating: bool,
    /// Somebody said that its data must not change: only another object of its name can have other data.
    pub immutable: bool,
    /// What its content really is, whatever its annotation says.
    pub hash: ContentHash,
    pub keys: Vec<OwnKey>,
    /// All its owners, where the one we want is not among them.
    pub owners: Option<Box<[OwnerReference]>>,
}

impl Stored {
    /// What a change of it has to know.
    #[must_use]
    pub fn into_prior(self) -> Prior {
        Prior {
            identity: self.identity,
            keys: self.keys,
            owners: self.owners,
        }
    }
}

/// The keys of an object that a patch must name to take them away, beside those that it names in any case.
#[must_use]
pub fn own_keys(configmap: &ConfigMap) -> Vec<OwnKey> {
    let meta = &configmap.metadata;
    let labels = meta.labels.iter().flat_map(BTreeMap::keys);
    let labels = labels.filter(|key| owns_label(key) && !label::SINGLE.contains(&key.as_str()));
    let annotations = meta.annotations.iter().flat_map(BTreeMap::keys);
    let annotations = annotations
        .filter(|key| owns_annotation(key) && !annotation::ON_CONFIGMAP.contains(&key.as_str()));
    let texts = configmap.data.iter().flat_map(BTreeMap::keys);
    let bytes = configmap.binary_data.iter().flat_map(BTreeMap::keys);
    let data = texts
        .chain(bytes)
        .filter(|key| !data::ALL.contains(&key.as_str()));
    let labels = labels.map(|key| OwnKey::Label(key.as_str().into()));
    let annotations = annotations.map(|key| OwnKey::Annotation(key.as_str().into()));
    let data = data.map(|key| OwnKey::Data(key.as_str().into()));
    labels.chain(annotations).chain(data).collect()
}

/// The parts of a ConfigMap that matter here, borrowed from the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire<'a> {
    #[serde(borrow)]
    metadata: WireMeta<'a>,
    data: Option<BTreeMap<String, String>>,
    binary_data: Option<BTreeMap<String, ByteString>>,
    #[serde(default)]
    immutable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireMeta<'a> {
    pub(super) name: Box<str>,
    uid: Box<str>,
    resource_version: ResourceVersion,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) owner_references: Vec<OwnerReference>,
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(default, borrow)]
    pub(super) managed_fields: Vec<WireManager<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireManager<'a> {
    pub(super) manager: Option<Box<str>>,
    #[serde(borrow)]
    pub(super) fields_v1: Option<&'a RawValue>,
}

impl Wire<'_> {
    pub(super) fn into_stored(self, claim: &Claim) -> Stored {
        let Self {
            metadata: meta,
            data,
            binary_data,
            immutable,
        } = self;
        let ownership = ownership(&meta, claim);
        let owners = owners_to_mend(&meta.owner_references, claim);
        let (name, terminating) = (meta.name, meta.deletion_timestamp.is_some());
        let metadata = ObjectMeta {
            name: Some(name.to_string()),
            labels: Some(meta.labels),
            annotations: Some(meta.annotations),
            ..ObjectMeta::default()
        };
        let configmap = ConfigMap {
            metadata,
            data,
            binary_data,
            immutable: None,
        };
        Stored {
            name,
            identity: Identity {
                uid: meta.uid,
                version: meta.resource_version,
            },
            ownership,
            terminating,
            immutable,
            hash: observed_hash(&configmap),
            keys: own_keys(&configmap),
            owners,
        }
    }
}

/// `None` when the owner we want is there, or we want none.
fn owners_to_mend(owners: &[OwnerReference], claim: &Claim) -> Option<Box<[OwnerReference]>> {
    let wanted = claim.owner.as_ref()?;
    (!owners.contains(wanted)).then(|| owners.into())
}
