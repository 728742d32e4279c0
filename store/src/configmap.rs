//! An issue as the ConfigMap that should exist for it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::issue::IssueId;
use crate::ready::{Profile, Readiness};
use crate::reader::Reading;
use crate::tracker::TrackerConfig;

/// SHA-256 of everything desired of one ConfigMap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ContentHash(pub [u8; 32]);

/// What is the same for all ConfigMaps of a mirror.
#[derive(Clone, Debug)]
pub struct Scope {
    pub namespace: String,
    /// Value of the label `gastown.gastown.io/store`.
    pub store: String,
    pub owner: Option<OwnerReference>,
    pub profile: Profile,
    /// Known issue prefixes, for `bead-prefix`.
    pub prefixes: Vec<String>,
    /// Closed issues older than this (by `closed_at`) are not mirrored; `None` keeps all.
    pub closed_retention: Option<std::time::Duration>,
}

/// One ConfigMap that should exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredBead {
    pub id: IssueId,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// Without the content hash.
    pub annotations: BTreeMap<String, String>,
    pub data: BTreeMap<String, String>,
    /// `issue.json` when the line is not UTF-8 as it stands.
    pub binary_data: BTreeMap<String, Vec<u8>>,
    pub hash: ContentHash,
}

impl DesiredBead {
    /// The object to create.
    #[must_use]
    pub fn to_configmap(&self, _scope: &Scope) -> ConfigMap {
        todo!()
    }
}

/// Renders issue `index` of `reading`.
#[must_use]
pub fn desired(
    _reading: &Reading<'_>,
    _readiness: &Readiness,
    _config: &TrackerConfig,
    _scope: &Scope,
    _index: usize,
) -> DesiredBead {
    todo!()
}

/// The hash that an observed ConfigMap really has, computed from its content and not from its annotation: equal to
/// [`DesiredBead::hash`] exactly when nothing of what we want was changed or is missing.
#[must_use]
pub fn observed_hash(_configmap: &ConfigMap) -> ContentHash {
    todo!()
}
