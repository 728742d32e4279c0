//! What a mirror says about itself: enough for a status, conditions, events, metrics and a log, bounded in size.

use std::collections::BTreeMap;
use std::time::Duration;

use beadlet_store::reader::{Rejected, Warning};
use jiff::Timestamp;

use crate::condition::Conditions;
use crate::git::CommitId;
use crate::triggers::Fired;

/// The state of one mirror after its last pass.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The revision that the cluster shows, or that a pass is writing; survives bad revisions.
    pub revision: Option<Revision>,
    /// What the file of [`Self::revision`] holds.
    pub contents: Contents,
    /// The lines of the newest revision that could not be read, also when that revision was refused.
    pub rejected: Bounded<Rejected>,
    /// Oddities of the newest revision that cost nothing.
    pub warnings: Bounded<Warning>,
    /// ConfigMaps of this mirror in the cluster.
    pub mirrored: usize,
    /// Names that we need and that objects of somebody else hold.
    pub foreign: Bounded<String>,
    /// Objects that the API server refuses or that failed in the last pass, with why.
    pub failures: Bounded<ObjectFailure>,
    pub last_pass: Option<Pass>,
    pub totals: Totals,
    /// Since when there is a commit that the cluster does not show yet; `None` when there is none that we know of.
    pub behind_since: Option<Timestamp>,
    pub conditions: Conditions,
    /// Set by the first pass after the start that ended well, and never cleared.
    pub first_good_pass: bool,
    /// When READY or what is mirrored changes without a commit.
    pub next_change: Option<Timestamp>,
    /// Whether changes that others make are seen at once; `false` while the watch is interrupted.
    pub watching: bool,
}

/// A commit and where the file was found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub commit: CommitId,
    pub committed_at: Timestamp,
    pub branch: String,
    pub path: String,
    /// The commit of the tracker's own database from which the file was exported, where it says so.
    pub dolt_commit: Option<String>,
}

/// Counts over one revision of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub issues: usize,
    /// At most [`Self::MAX_STATUSES`] statuses; issues of further ones count as `other`.
    pub by_status: BTreeMap<String, usize>,
    pub ready: usize,
    /// Issues that are not mirrored, because they were closed too long ago.
    pub retired: usize,
    /// Rows that lost against a newer row of the same id.
    pub duplicates: usize,
    /// Lines that are records of another kind.
    pub skipped: usize,
}

impl Contents {
    pub const MAX_STATUSES: usize = 32;
}

/// The first few of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounded<T> {
    /// All of them.
    pub total: usize,
    /// At most [`Self::MAX`], in the order in which they came.
    pub first: Vec<T>,
}

/// An object that could not be brought to what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectFailure {
    pub name: String,
    pub message: String,
}

/// How one pass went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    pub outcome: Outcome,
    pub fired: Fired,
    pub writes: Writes,
    /// Objects that were as they should be.
    pub unchanged: usize,
    /// From the trigger to the last answer.
    pub duration: Duration,
    pub ended_at: Timestamp,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Something was written, and everything is as it should be.
    Changed,
    /// Nothing had to be written.
    Unchanged,
    /// Something is not as it should be; what to do stands in the conditions.
    Failed,
}

/// Writes that the API server took, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    pub created: usize,
    pub updated: usize,
    pub deleted: usize,
    pub failed: usize,
}

/// Sums since the start, for counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub changed: u64,
    pub unchanged: u64,
    pub failed: u64,
    pub writes: Writes,
    /// Objects that somebody else had changed and that were put right.
    pub repaired: u64,
    /// Times the watch had to be opened again after a fault.
    pub watch_restarts: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self {
            total: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Bounded<T> {
    pub const MAX: usize = 20;

    /// Counts `item`, and keeps it if there is room.
    pub fn push(&mut self, item: T) {
        self.total += 1;
        if self.first.len() < Self::MAX {
            self.first.push(item);
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

impl<T> FromIterator<T> for Bounded<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut bounded = Self::default();
        items.into_iter().for_each(|item| bounded.push(item));
        bounded
    }
}

impl Writes {
    /// Writes that were taken.
    #[must_use]
    pub fn done(&self) -> usize {
        self.created + self.updated + self.deleted
    }
}

impl Outcome {
    /// As it stands in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}
