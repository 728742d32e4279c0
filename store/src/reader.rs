//! The line reader: bytes of an issue file to issues and to what is wrong, line by line.

mod classify;
mod line;
mod newest;
mod record;
mod salvage;
mod value;

use crate::issue::{Issue, IssueId};

use line::Line;
use newest::Newest;

/// The longest line that is read, in bytes: as much as the tracker itself accepts.
pub const MAX_LINE: usize = 64 << 20;

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
    pub duplicates: Vec<Duplicate>,
    /// `_dolt_commit` of the header, where there is one.
    pub dolt_commit: Option<String>,
}

/// A row that lost against a newer row of the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// 1-based.
    pub line: usize,
    pub id: IssueId,
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
    /// The beginning or the end of the line is missing.
    Truncated,
    NotAnObject,
    NoId,
    WrongType,
    /// The line is longer than [`MAX_LINE`], or its id longer than [`IssueId::MAX_LEN`].
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
    #[error("merge conflict markers on lines {}: resolve the conflict and commit the file again", lines_text(.lines))]
    ConflictMarkers { lines: Vec<usize> },
    #[error("the file is a Git LFS pointer, not the issues themselves: take it out of Git LFS")]
    LfsPointer,
}

/// The first lines of many, for a message of bounded length.
fn lines_text(lines: &[usize]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<_> = lines.iter().take(SHOWN).map(usize::to_string).collect();
    let more = lines.len().saturating_sub(SHOWN);
    let tail = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &tail
}

/// Reads a revision of the file (`spec/beads.md` §4.2).
///
/// # Errors
/// When nothing of the revision may be believed.
pub fn read(bytes: &[u8]) -> Result<Reading<'_>, Refusal> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Err(Refusal::LfsPointer);
    }
    let mut reading = Reading::default();
    let mut newest = Newest::default();
    let mut markers = Vec::new();
    for (number, raw) in lines(bytes) {
        if is_conflict_marker(raw) {
            markers.push(number);
        } else if markers.is_empty() {
            read_line(number, raw, &mut reading, &mut newest);
        }
    }
    if !markers.is_empty() {
        return Err(Refusal::ConflictMarkers { lines: markers });
    }
    newest.finish(&mut reading);
    Ok(reading)
}

/// The lines with their 1-based numbers, without `\n` or `\r\n`.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .enumerate()
        .map(|(index, line)| (index + 1, line.strip_suffix(b"\r").unwrap_or(line)))
}

/// A line that only a merge conflict leaves behind; none of these can begin a JSON record.
fn is_conflict_marker(line: &[u8]) -> bool {
    let starts_as_marker = [b"<<<<<<<", b"|||||||", b">>>>>>>"]
        .iter()
        .any(|marker| line.starts_with(*marker));
    starts_as_marker || line.trim_ascii_end() == b"======="
}

fn read_line<'a>(number: usize, raw: &'a [u8], reading: &mut Reading<'a>, newest: &mut Newest<'a>) {
    let text = raw.trim_ascii();
    if text.is_empty() {
        return;
    }
    if text.starts_with(b"#") {
        reading.skipped += 1;
        return;
    }
    match line::parse(number, raw, &mut reading.warnings) {
        Ok(Line::Issue(issue)) => newest.issue(issue),
        Ok(Line::Deletion { id, at }) => newest.deletion(number, id, at),
        Ok(Line::Other) => reading.skipped += 1,
        Ok(Line::Header { dolt_commit }) => {
            reading.skipped += 1;
            reading.dolt_commit = dolt_commit.or(reading.dolt_commit.take());
        }
        Err(rejection) => reading.rejected.push(rejection.on(number)),
    }
}
