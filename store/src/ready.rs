//! READY: which issues could start now, in the tracker's own order, and why the others could not.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::issue::IssueId;
use crate::reader::Reading;

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
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
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
pub fn readiness(_reading: &Reading<'_>, _profile: Profile, _now: Timestamp) -> Readiness {
    todo!()
}

/// Dispatch order: (priority, `created_at`, id), oldest first. Indices into [`Reading::issues`].
#[must_use]
pub fn dispatch_order(_reading: &Reading<'_>, _ready: &[usize]) -> Vec<usize> {
    todo!()
}
