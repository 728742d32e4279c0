//! An issue as the ConfigMap that should exist for it.

mod content;
mod hash;
mod labels;
mod shorten;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::convoy::convoys;
use crate::issue::{Issue, IssueId};
use crate::keys::annotation;
use crate::name::configmap_name;
use crate::reader::Reading;
use crate::ready::{Blocker, Profile, Readiness};
use crate::tracker::TrackerConfig;

pub use hash::{ContentHash, observed_hash, owns_annotation, owns_label};

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
    pub fn to_configmap(&self, scope: &Scope) -> ConfigMap {
        let mut annotations = self.annotations.clone();
        annotations.insert(annotation::CONTENT_HASH.to_owned(), self.hash.to_string());
        let binary = self
            .binary_data
            .iter()
            .map(|(key, bytes)| (key.clone(), ByteString(bytes.clone())));
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(scope.namespace.clone()),
                labels: Some(self.labels.clone()),
                annotations: Some(annotations),
                owner_references: scope.owner.clone().map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            data: Some(self.data.clone()),
            binary_data: (!self.binary_data.is_empty()).then(|| binary.collect()),
            immutable: None,
        }
    }
}

/// Renders the issues of one reading; made once a pass, so that each issue costs what it holds itself.
#[derive(Debug)]
pub struct Renderer<'a> {
    reading: &'a Reading<'a>,
    readiness: &'a Readiness,
    scope: &'a Scope,
    prefixes: Vec<&'a str>,
    /// For each member the convoys that track it.
    convoys: HashMap<IssueId, Vec<IssueId>>,
}

impl<'a> Renderer<'a> {
    /// `readiness` must be that of `reading`.
    #[must_use]
    pub fn new(
        reading: &'a Reading<'a>,
        readiness: &'a Readiness,
        config: &'a TrackerConfig,
        scope: &'a Scope,
    ) -> Self {
        let prefixes = scope
            .prefixes
            .iter()
            .chain(&config.issue_prefix)
            .map(String::as_str)
            .collect();
        let mut tracking: HashMap<_, Vec<_>> = HashMap::new();
        for convoy in convoys(reading) {
            for member in convoy.members {
                tracking.entry(member).or_default().push(convoy.id.clone());
            }
        }
        Self {
            reading,
            readiness,
            scope,
            prefixes,
            convoys: tracking,
        }
    }

    /// The ConfigMap that should exist for issue `index` of [`Reading::issues`].
    ///
    /// # Panics
    /// When `index` is not one of the reading.
    #[must_use]
    pub fn desired(&self, index: usize) -> DesiredBead {
        let issue = &self.reading.issues[index];
        let blockers = &self.readiness.blockers[index];
        let content = content::content(issue);
        let labels = self.labels(issue, blockers.is_empty());
        let annotations = annotations(issue, blockers, &content.shortened);
        let hash = hash::content_hash(&labels, &annotations, &content.data, &content.binary_data);
        DesiredBead {
            id: issue.id.clone(),
            name: configmap_name(&issue.id),
            labels,
            annotations,
            data: content.data,
            binary_data: content.binary_data,
            hash,
        }
    }

    fn labels(&self, issue: &Issue<'_>, is_ready: bool) -> BTreeMap<String, String> {
        let convoys = self
            .convoys
            .get(&issue.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        labels::labels(issue, is_ready, &self.prefixes, convoys, &self.scope.store)
    }
}

fn annotations(
    issue: &Issue<'_>,
    blockers: &[Blocker],
    shortened: &[String],
) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::from([(annotation::BEAD_ID.to_owned(), issue.id.to_string())]);
    if !blockers.is_empty() {
        annotations.insert(
            annotation::BLOCKED_BY.to_owned(),
            content::listed(blockers, "; "),
        );
    }
    if !shortened.is_empty() {
        annotations.insert(
            annotation::SHORTENED.to_owned(),
            content::listed(shortened, ", "),
        );
    }
    annotations
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
pub fn mirrored(reading: &Reading<'_>, scope: &Scope, now: Timestamp) -> Mirrored {
    let mut mirrored = Mirrored::default();
    for (index, issue) in reading.issues.iter().enumerate() {
        match expiry(issue, scope) {
            Some(at) if at <= now => continue,
            Some(at) => {
                mirrored.next_change =
                    Some(mirrored.next_change.map_or(at, |earliest| earliest.min(at)))
            }
            None => {}
        }
        mirrored.issues.push(index);
    }
    mirrored
}

/// When a closed issue has been closed for long enough to go.
fn expiry(issue: &Issue<'_>, scope: &Scope) -> Option<Timestamp> {
    let retention = SignedDuration::try_from(scope.closed_retention?).ok()?;
    let closed_at = issue.closed_at.filter(|_| issue.status == "closed")?;
    closed_at.checked_add(retention).ok()
}
