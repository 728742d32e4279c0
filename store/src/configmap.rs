//! An issue as the ConfigMap that should exist for it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::issue::IssueId;
use crate::keys;
use crate::reader::Reading;
use crate::ready::{Profile, Readiness};
use crate::tracker::TrackerConfig;

/// SHA-256 of everything desired of one ConfigMap: labels, annotations, data; not the owner, not the namespace.
/// `Display` gives the hex digits that the annotation holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Reads what `Display` wrote; `None` for anything but 64 hex digits.
    #[must_use]
    pub fn parse(_hex: &str) -> Option<Self> {
        todo!()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

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

/// Renders the issues of one reading; made once a pass, so that each issue costs what it holds itself.
#[derive(Debug)]
pub struct Renderer<'a> {
    reading: &'a Reading<'a>,
    readiness: &'a Readiness,
    scope: &'a Scope,
}

impl<'a> Renderer<'a> {
    /// `readiness` must be that of `reading`.
    #[must_use]
    pub fn new(
        reading: &'a Reading<'a>,
        readiness: &'a Readiness,
        _config: &'a TrackerConfig,
        scope: &'a Scope,
    ) -> Self {
        Self {
            reading,
            readiness,
            scope,
        }
    }

    /// The ConfigMap that should exist for issue `index` of [`Reading::issues`].
    ///
    /// # Panics
    /// When `index` is not one of the reading.
    #[must_use]
    pub fn desired(&self, _index: usize) -> DesiredBead {
        let _ = (self.reading, self.readiness, self.scope);
        todo!()
    }
}

/// Which issues are mirrored at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrored {
    /// Indices into [`Reading::issues`], in file order.
    pub issues: Vec<usize>,
    /// The next instant at which a closed issue outlives [`Scope::closed_retention`].
    pub next_change: Option<Timestamp>,
}

/// Selects what is mirrored at `now`: every issue but those closed longer ago than the scope's retention. A closed issue
/// without a readable `closed_at` stays.
#[must_use]
pub fn mirrored(_reading: &Reading<'_>, _scope: &Scope, _now: Timestamp) -> Mirrored {
    todo!()
}

/// Whether a label of a bead's ConfigMap is ours: what we do not want of these goes away, all others stay.
#[must_use]
pub fn owns_label(key: &str) -> bool {
    key.starts_with("bead-") || key == keys::label::STORE || key == keys::label::MANAGED_BY
}

/// Whether an annotation of a bead's ConfigMap is ours.
#[must_use]
pub fn owns_annotation(key: &str) -> bool {
    key.starts_with("gastown.gastown.io/")
}

/// The hash that an observed ConfigMap really has, computed from its content and not from its annotation: equal to
/// [`DesiredBead::hash`] exactly when nothing of what we want was changed or is missing.
#[must_use]
pub fn observed_hash(_configmap: &ConfigMap) -> ContentHash {
    todo!()
}
