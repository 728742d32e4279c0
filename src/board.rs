//! A revision of the issue file with the questions one asks of it. Values in, values out.

use std::collections::HashMap;

use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::reader::Reading;
use beadlet_store::ready::{Blocker, Profile, Readiness, readiness};
use jiff::Timestamp;

/// The issues of a file and what is ready of them at an instant.
#[derive(Debug)]
pub struct Board<'a> {
    pub reading: &'a Reading<'a>,
    pub readiness: Readiness,
    pub profile: Profile,
    pub now: Timestamp,
    by_id: HashMap<&'a str, usize>,
}

impl<'a> Board<'a> {
    /// Computes READY for the file at `now`.
    #[must_use]
    pub fn new(reading: &'a Reading<'a>, profile: Profile, now: Timestamp) -> Self {
        let by_id = reading
            .issues
            .iter()
            .enumerate()
            .map(|(at, issue)| (issue.id.as_str(), at))
            .collect();
        Self {
            reading,
            readiness: readiness(reading, profile, now),
            profile,
            now,
            by_id,
        }
    }

    /// The place of an issue in [`Reading::issues`].
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The issue of an id.
    #[must_use]
    pub fn issue(&self, id: &str) -> Option<&'a Issue<'a>> {
        self.find(id).and_then(|at| self.reading.issues.get(at))
    }

    /// Why an issue is not ready; nothing for a ready one.
    #[must_use]
    pub fn blockers(&self, index: usize) -> &[Blocker] {
        self.readiness
            .blockers
            .get(index)
            .map_or(&[], Vec::as_slice)
    }

    /// Its place in the tracker's order of ready issues, from 1.
    #[must_use]
    pub fn position(&self, index: usize) -> Option<usize> {
        self.readiness
            .ready
            .iter()
            .position(|ready| *ready == index)
            .map(|place| place + 1)
    }

    /// Whether an id is one whose newest row deletes it.
    #[must_use]
    pub fn is_deleted(&self, id: &str) -> bool {
        self.reading
            .deleted
            .iter()
            .any(|deleted| deleted.as_str() == id)
    }

    /// The edges that point at an issue: the dependent's id and the edge's type, in file order.
    #[must_use]
    pub fn dependents(&self, id: &str) -> Vec<(&'a str, &'a str)> {
        let edges = self
            .reading
            .issues
            .iter()
            .flat_map(|issue| &issue.dependencies);
        edges
            .filter(|edge| edge.depends_on_id == id)
            .map(|edge| (&*edge.issue_id, &*edge.kind))
            .collect()
    }

    /// The edges that leave an issue: the target and the edge's type, in file order. An edge belongs to the issue it names.
    #[must_use]
    pub fn dependencies(&self, id: &str) -> Vec<(&'a str, &'a str)> {
        let edges = self
            .reading
            .issues
            .iter()
            .flat_map(|issue| &issue.dependencies);
        edges
            .filter(|edge| edge.issue_id == id)
            .map(|edge| (&*edge.depends_on_id, &*edge.kind))
            .collect()
    }

    /// The ids that are nearest to one that is not there, at most `limit`, the nearest first.
    #[must_use]
    pub fn near(&self, id: &str, limit: usize) -> Vec<&'a IssueId> {
        let wanted = id.to_lowercase();
        let furthest = wanted.chars().count().div_ceil(3).max(1);
        let mut found: Vec<(usize, &IssueId)> = self
            .reading
            .issues
            .iter()
            .map(|issue| {
                (
                    distance(&wanted, &issue.id.as_str().to_lowercase()),
                    &issue.id,
                )
            })
            .filter(|(distance, _)| *distance <= furthest)
            .collect();
        found.sort();
        found.into_iter().take(limit).map(|(_, id)| id).collect()
    }
}

/// How many characters have to be put in, taken out or exchanged to make one text of the other; none where one is the end of
/// the other after a hyphen, as when somebody leaves the prefix out.
fn distance(wanted: &str, id: &str) -> usize {
    if id
        .strip_suffix(wanted)
        .is_some_and(|prefix| prefix.ends_with('-'))
    {
        return 0;
    }
    let id: Vec<char> = id.chars().collect();
    let mut row: Vec<usize> = (0..=id.len()).collect();
    for (line, a) in wanted.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, b) in id.iter().enumerate() {
            let exchanged = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[id.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [
            ("gt-1", "gt-1", 0),
            ("gt-1", "gt-2", 1),
            ("gt-12", "gt-1", 1),
            ("", "abc", 3),
            ("0042", "gt-0042", 0),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }
}
