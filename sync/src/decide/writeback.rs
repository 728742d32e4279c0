//! What the work says of the beads, and what the issue file is to say then. One step at a time and from what stands in the file: a commit
//! that was lost is made again, one that arrived is not.

mod comment;
mod lines;
mod message;
mod offer;
mod revise;
mod rules;
mod spans;
mod words;

use beadlet_store::issue::IssueId;
use jiff::Timestamp;

use crate::git::CommitId;

pub use message::{message, summary};
pub use offer::{Offer, offer, offered};
pub use revise::{Revised, Unwritable, revise};
pub use rules::{Violation, check};
pub use spans::spans;
pub use words::words;

pub(crate) use comment::{Comment, CommentIds, with};
pub(crate) use lines::Lines;
pub(crate) use revise::{close, has, later, text, whole, whole_file};
pub(crate) use rules::MAX_TITLE;

/// What is written back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Beads that are worked on get their Polecat as assignee, and are given back when it fails.
    pub claims: bool,
    /// Beads whose work is done are closed, and convoys with them.
    pub closes: bool,
}

/// What one bead's Polecats say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub bead: IssueId,
    /// The Polecat that says so, as an assignee: `<rig>/polecats/<name>`.
    pub by: String,
    /// All assignees that are Polecats of this bead.
    pub own: Vec<String>,
    pub says: Says,
    pub at: Timestamp,
}

/// How it stands with the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    Working,
    Done {
        /// For people: branch and commit.
        reason: String,
    },
    GaveUp {
        why: String,
    },
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    Claimed,
    Closed,
    GivenBack,
    ConvoyClosed,
    Created,
    Updated,
    Linked,
    Labelled,
    Commented,
}

impl Deed {
    /// In the order in which they are told.
    pub(crate) const ALL: [Self; 9] = [
        Self::Created,
        Self::Claimed,
        Self::Closed,
        Self::GivenBack,
        Self::ConvoyClosed,
        Self::Updated,
        Self::Linked,
        Self::Labelled,
        Self::Commented,
    ];

    /// For logs, metrics and commit messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claim",
            Self::Closed => "close",
            Self::GivenBack => "give back",
            Self::ConvoyClosed => "close convoy",
            Self::Created => "create",
            Self::Updated => "update",
            Self::Linked => "link",
            Self::Labelled => "label",
            Self::Commented => "comment on",
        }
    }
}

/// A record that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub bead: IssueId,
    pub deed: Deed,
    /// Who did it; empty for a convoy that ended.
    pub by: String,
}

/// What became of the last attempt to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub last: Option<Commit>,
    /// Why it does not stand in git what the Polecats did. It is tried again.
    pub trouble: Option<Trouble>,
}

/// A commit of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub id: CommitId,
    pub at: Timestamp,
    pub subject: String,
}

/// Why nothing could be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In CamelCase, of a closed set.
    pub reason: &'static str,
    pub message: String,
}

impl Trouble {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}
