//! A bead as the scheduler sees it: one ConfigMap of the mirror, parsed once.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use beadlet_store::convoy::target_id;
use beadlet_store::keys::{annotation, data, label, work};
use beadlet_store::{edit, reader};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;

use serde::Deserialize;

use super::revision::Revision;

/// Where a bead is: ids are unique in a namespace only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BeadKey {
    pub namespace: String,
    pub id: String,
}

/// What decides about a bead's work.
#[derive(Clone, Debug)]
pub struct Bead {
    pub key: BeadKey,
    /// The ConfigMap's name.
    pub configmap: String,
    /// The ConfigMap's uid.
    pub uid: String,
    /// Fingerprint of the ConfigMap, as the mirror computed it.
    pub content_hash: Option<String>,
    pub title: String,
    pub status: String,
    pub issue_type: String,
    /// 0 is the most urgent.
    pub priority: i64,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub assignee: Option<String>,
    pub labels: Vec<String>,
    /// READY, as the mirror computed it.
    pub ready: bool,
    /// Why it is not, for people.
    pub blocked_by: Option<String>,
    /// Prefix of the id, as the mirror computed it.
    pub prefix: Option<String>,
    /// The BeadStore it comes from.
    pub store: Option<String>,
    /// Whether that BeadStore is an object of the cluster that owns the ConfigMap.
    pub owned: bool,
    pub revision: Revision,
    /// The last attempt whose Polecat is gone; 0 for none.
    pub last_attempt: u32,
    /// The members, where the bead is a convoy.
    pub tracks: Vec<String>,
    pub last_comment: Option<Comment>,
}

/// Who said something about a bead, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub author: String,
    pub at: Option<Timestamp>,
}

/// A ConfigMap that looks like a bead's and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABead {
    #[error("it has no {} in its data", data::ISSUE)]
    NoIssue,
    #[error("its {} cannot be read: {why}", data::ISSUE)]
    Unreadable { why: String },
}

impl Bead {
    /// # Errors
    /// When the ConfigMap does not hold an issue.
    pub fn parse(configmap: &ConfigMap) -> Result<Self, NotABead> {
        let line = issue_line(configmap).ok_or(NotABead::NoIssue)?;
        let reading = reader::read(line).map_err(|refusal| NotABead::Unreadable {
            why: refusal.to_string(),
        })?;
        let Some(issue) = reading.issues.into_iter().next() else {
            let why = reading
                .rejected
                .first()
                .map_or("it is not an issue".into(), |line| line.message.clone());
            return Err(NotABead::Unreadable { why });
        };
        let meta = &configmap.metadata;
        let labels = Lookup(meta.labels.as_ref());
        let annotations = Lookup(meta.annotations.as_ref());
        let is_convoy = issue.issue_type == "convoy";
        let tracks = issue
            .dependencies
            .iter()
            .filter(|edge| is_convoy && edge.kind == "tracks");
        Ok(Self {
            key: BeadKey {
                namespace: meta.namespace.clone().unwrap_or_default(),
                id: issue.id.to_string(),
            },
            configmap: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            content_hash: annotations.text(annotation::CONTENT_HASH),
            title: issue.title.into_owned(),
            status: issue.status.into_owned(),
            tracks: tracks
                .map(|edge| target_id(&edge.depends_on_id).to_owned())
                .collect(),
            issue_type: issue.issue_type.into_owned(),
            priority: issue.priority,
            created_at: issue.created_at.map(|instant| instant.at),
            updated_at: issue.updated_at,
            assignee: issue
                .assignee
                .map(Into::into)
                .filter(|name: &String| !name.trim().is_empty()),
            labels: issue.labels.into_iter().map(Into::into).collect(),
            ready: labels
                .text(label::READY)
                .is_some_and(|ready| ready == "true"),
            blocked_by: annotations.text(annotation::BLOCKED_BY),
            prefix: labels.text(label::PREFIX),
            store: labels.text(label::STORE),
            owned: meta
                .owner_references
                .iter()
                .flatten()
                .any(|owner| owner.kind == "BeadStore"),
            revision: Revision::of(line),
            last_attempt: annotations
                .text(work::LAST_ATTEMPT)
                .and_then(|n| n.parse().ok())
                .unwrap_or(0),
            last_comment: last_comment(line),
        })
    }

    /// Dispatch order: the most urgent first, then the oldest (`spec/design.md` §4.2). A bead without a time comes last.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let by = |bead: &Self| (bead.priority, bead.created_at.is_none(), bead.created_at);
        by(self)
            .cmp(&by(other))
            .then_with(|| self.key.id.cmp(&other.key.id))
            .then_with(|| self.key.cmp(&other.key))
    }

    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.status == "closed"
    }
}

fn last_comment(line: &[u8]) -> Option<Comment> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        author: String,
        #[serde(default)]
        created_at: String,
    }
    let comments = edit::value(line, "comments").ok()??;
    let said: Said = serde_json::from_str::<Vec<Said>>(comments).ok()?.pop()?;
    Some(Comment {
        author: said.author,
        at: said.created_at.parse().ok(),
    })
}

fn issue_line(configmap: &ConfigMap) -> Option<&[u8]> {
    let text = configmap
        .data
        .as_ref()
        .and_then(|data| data.get(data::ISSUE))
        .map(String::as_bytes);
    text.or_else(|| {
        configmap
            .binary_data
            .as_ref()?
            .get(data::ISSUE)
            .map(|bytes| bytes.0.as_slice())
    })
}

struct Lookup<'a>(Option<&'a BTreeMap<String, String>>);

impl Lookup<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.0?.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use serde_json::json;

    use super::super::fixture::{bead_with, configmap};
    use super::*;

    #[test]
    fn bead_is_read_from_the_labels_and_the_line() {
        let bead = bead_with(
            "gt-1",
            json!({"priority": 0, "assignee": "rig/polecats/nux", "labels": ["human"]}),
        );
        assert_eq!(
            (bead.key.id.as_str(), bead.configmap.as_str(), bead.priority),
            ("gt-1", "bead-gt-1", 0)
        );
        assert_eq!(
            (bead.ready, bead.prefix.as_deref(), bead.store.as_deref()),
            (true, Some("gt"), Some("store"))
        );
        assert_eq!(
            (bead.assignee.as_deref(), bead.labels),
            (Some("rig/polecats/nux"), vec!["human".to_owned()])
        );
        assert_eq!(
            bead_with("gt-1", json!({"assignee": " "})).assignee,
            None,
            "a blank assignee is nobody"
        );
    }

    #[test]
    fn line_that_is_not_text_is_read_too() {
        let mut stored = configmap("gt-1", json!({}));
        let line = stored.data.take().unwrap().remove(data::ISSUE).unwrap();
        stored.binary_data = Some([(data::ISSUE.to_owned(), ByteString(line.into_bytes()))].into());
        assert_eq!(Bead::parse(&stored).unwrap().title, "do gt-1");
    }

    #[test]
    fn convoy_tracks_its_members_and_other_beads_track_nothing() {
        let edges = json!([{"issue_id": "hq-cv-1", "depends_on_id": "external:gastown:gt-5", "type": "tracks"},
            {"issue_id": "hq-cv-1", "depends_on_id": "gt-6", "type": "tracks"},
            {"issue_id": "hq-cv-1", "depends_on_id": "gt-7", "type": "blocks"}]);
        let convoy = bead_with(
            "hq-cv-1",
            json!({"issue_type": "convoy", "dependencies": edges}),
        );
        assert_eq!(convoy.tracks, ["gt-5", "gt-6"]);
        assert_eq!(
            bead_with("hq-cv-1", json!({"dependencies": edges})).tracks,
            Vec::<String>::new()
        );
    }

    #[test]
    fn order_is_urgency_then_age_then_id() {
        let mut beads = [
            bead_with("gt-4", json!({"created_at": "not a time"})),
            bead_with("gt-3", json!({})),
            bead_with("gt-2", json!({})),
            bead_with("gt-9", json!({"created_at": "2025-01-01T00:00:00Z"})),
            bead_with(
                "gt-8",
                json!({"priority": 1, "created_at": "2026-02-01T00:00:00Z"}),
            ),
        ];
        beads.sort_by(Bead::order);
        assert_eq!(
            beads.map(|bead| bead.key.id),
            ["gt-8", "gt-9", "gt-2", "gt-3", "gt-4"]
        );
    }

    #[test]
    fn what_is_not_a_bead_says_why() {
        let mut stored = configmap("gt-1", json!({}));
        stored.data = Some([(data::ISSUE.to_owned(), "{\"id\":".to_owned())].into());
        assert!(
            Bead::parse(&stored)
                .unwrap_err()
                .to_string()
                .starts_with("its issue.json cannot be read: ")
        );
        stored.data = None;
        assert_eq!(Bead::parse(&stored).unwrap_err(), NotABead::NoIssue);
    }
}
