//! READY: which issues could start now, in the tracker's own order, and why the others could not.

use jiff::Timestamp;

use crate::issue::IssueId;
use crate::reader::Reading;
use crate::tracker::TrackerConfig;

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
pub fn readiness(_reading: &Reading<'_>, _profile: Profile, _config: &TrackerConfig, _now: Timestamp) -> Readiness {
    todo!()
}

/// Dispatch order: (priority, `created_at`, id), oldest first. Indices into [`Reading::issues`].
#[must_use]
pub fn dispatch_order(_reading: &Reading<'_>, _ready: &[usize]) -> Vec<usize> {
    todo!()
}
