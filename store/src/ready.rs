//! READY: which issues could start now, in the tracker's own order, and why the others could not.

mod bd_0_49;
mod bd_1;
mod br_0_1;
mod decide;
mod graph;
mod reasons;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::issue::{Issue, IssueId};
use crate::reader::Reading;

use decide::decide;

/// Whose rules decide. The names are those of the tracker's versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// bd 1.1 and later.
    #[default]
    Bd11,
    /// bd 1.0.5.
    Bd105,
    /// bd 0.49 (`SQLite`).
    Bd049,
    /// beads_rust 0.1.
    Br01,
}

/// A name that is not a profile's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a ready profile: use one of bd-1.1, bd-1.0.5, bd-0.49, br-0.1")]
pub struct UnknownProfile {
    pub given: String,
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|profile| profile.name() == name);
        found.ok_or_else(|| UnknownProfile {
            given: name.to_owned(),
        })
    }
}

impl Profile {
    /// Every profile, newest tracker first.
    pub const ALL: [Self; 4] = [Self::Bd11, Self::Bd105, Self::Bd049, Self::Br01];

    /// The name by which a person chooses it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bd11 => "bd-1.1",
            Self::Bd105 => "bd-1.0.5",
            Self::Bd049 => "bd-0.49",
            Self::Br01 => "br-0.1",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an issue is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// The status is not one that can start.
    Status(String),
    Pinned,
    Ephemeral,
    Template,
    /// An issue type that never starts.
    Type(String),
    /// The id has a part that marks it as a molecule or a wisp.
    IdPattern(&'static str),
    /// A label that keeps it for people.
    Label(String),
    DeferredUntil(Timestamp),
    /// Its parent is deferred.
    ParentDeferredUntil(IssueId, Timestamp),
    /// Waits for an issue, by an edge of this type.
    BlockedBy(IssueId, String),
    /// Its parent is blocked.
    ParentBlocked(IssueId),
    /// Waits for children of the spawner.
    WaitsFor(IssueId),
    /// The target is not in the file, and the profile takes that as blocking or a line could not be read.
    MissingTarget(String),
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status is {status}"),
            Self::Pinned => f.write_str("is pinned"),
            Self::Ephemeral => f.write_str("is ephemeral"),
            Self::Template => f.write_str("is a template"),
            Self::Type(issue_type) => write!(f, "type {issue_type} is never started"),
            Self::IdPattern(pattern) => write!(f, "id contains {pattern}"),
            Self::Label(label) => write!(f, "has label {label}"),
            Self::DeferredUntil(at) => write!(f, "is deferred until {at}"),
            Self::ParentDeferredUntil(parent, at) => {
                write!(f, "parent {parent} is deferred until {at}")
            }
            Self::BlockedBy(id, kind) if kind == graph::kind::BLOCKS => {
                write!(f, "blocked by {id}")
            }
            Self::BlockedBy(id, kind) => write!(f, "blocked by {id} ({kind})"),
            Self::ParentBlocked(parent) => write!(f, "parent {parent} is blocked"),
            Self::WaitsFor(spawner) => write!(f, "waits for children of {spawner}"),
            Self::MissingTarget(target) => {
                write!(f, "blocked by {target}, which is not in the file")
            }
        }
    }
}

/// The answer for a whole file.
#[derive(Debug, Default)]
pub struct Readiness {
    /// Indices into [`Reading::issues`], in the tracker's order.
    pub ready: Vec<usize>,
    /// For each issue of [`Reading::issues`], why it is not ready; empty for a ready one.
    pub blockers: Vec<Vec<Blocker>>,
    /// The next instant at which the answer changes without a commit.
    pub next_change: Option<Timestamp>,
}

/// Computes READY for the whole file at `now`.
#[must_use]
pub fn readiness(reading: &Reading<'_>, profile: Profile, now: Timestamp) -> Readiness {
    match profile {
        Profile::Bd11 => decide(reading, &bd_1::BD_1_1, now),
        Profile::Bd105 => decide(reading, &bd_1::BD_1_0_5, now),
        Profile::Bd049 => decide(reading, &bd_0_49::Bd049, now),
        Profile::Br01 => decide(reading, &br_0_1::Br01, now),
    }
}

/// Dispatch order: (priority, `created_at`, id), oldest first. Indices into [`Reading::issues`].
#[must_use]
pub fn dispatch_order(reading: &Reading<'_>, ready: &[usize]) -> Vec<usize> {
    let mut order = ready.to_vec();
    order.sort_by_cached_key(|index| {
        let issue = &reading.issues[*index];
        let created = issue.created_at.as_ref().map(|created| created.at);
        (
            urgency(issue),
            created.is_none(),
            created,
            issue.id.as_str(),
        )
    });
    order
}

/// The priority to sort by: one that is out of range counts as the nearest that is not.
fn urgency(issue: &Issue<'_>) -> i64 {
    issue.priority.clamp(0, 4)
}
