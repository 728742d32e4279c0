//! The line reader: bytes of an issue file to issues and to what is wrong, line by line.

use crate::issue::{Issue, IssueId};

/// What a revision of the file holds.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    /// One issue an id (the newest row), tombstones left out, in file order.
    pub issues: Vec<Issue<'a>>,
    /// Ids whose newest row is a tombstone or a deletion marker.
    pub deleted: Vec<IssueId>,
    /// Lines that are not a record at all.
    pub rejected: Vec<Rejected>,
    /// Things a person may want to mend, which cost nothing.
    pub warnings: Vec<Warning>,
    /// Lines that are records of another kind: header, memory, unknown `_type`, `#` comments.
    pub skipped: usize,
    /// Rows that lost against a newer row of the same id.
    pub duplicates: usize,
    /// `_dolt_commit` of the header, where there is one.
    pub dolt_commit: Option<String>,
}

/// A line that cannot be read. It never deletes an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// 1-based.
    pub line: usize,
    pub reason: RejectReason,
    /// What a person should know; holds no text of the line beyond a short excerpt.
    pub message: String,
    /// The id, where the line still gives one away.
    pub id: Option<IssueId>,
}

/// Why a line was rejected; a closed set for metrics and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    NotJson,
    Truncated,
    NotAnObject,
    NoId,
    WrongType,
    TooLong,
}

/// A line that was read, with something odd in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// 1-based.
    pub line: usize,
    pub message: String,
}

/// Why the whole revision is refused: the last good state stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("merge conflict markers on lines {}", lines_text(.lines))]
    ConflictMarkers { lines: Vec<usize> },
    #[error("the file is a Git LFS pointer, not the issues themselves")]
    LfsPointer,
    #[error("the file is {size} bytes long, more than the {limit} that are read")]
    TooLarge { size: usize, limit: usize },
}

fn lines_text(lines: &[usize]) -> String {
    lines
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Reads a revision of the file (`spec/beads.md` §4.2).
///
/// # Errors
/// When nothing of the revision may be believed.
pub fn read(_bytes: &[u8]) -> Result<Reading<'_>, Refusal> {
    todo!()
}
