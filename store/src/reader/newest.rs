//! Of several rows of one id, the newest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::Timestamp;

use super::Reading;
use crate::issue::{Issue, IssueId};

/// The rows read so far, and for each id the place of its newest one.
#[derive(Debug, Default)]
pub(super) struct Newest<'a> {
    rows: Vec<Row<'a>>,
    by_id: HashMap<IssueId, usize>,
    duplicates: usize,
}

/// The instant of a row: its `updated_at`. A row without one is older than any other.
type Age = Option<Timestamp>;

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "issues are most of the rows, and become the result in place"
)]
enum Row<'a> {
    Issue(Issue<'a>),
    Deletion(IssueId, Age),
    /// A newer row of the same id came later.
    Outdated,
}

impl Row<'_> {
    fn age(&self) -> Age {
        match self {
            Self::Issue(issue) => issue.updated_at.as_ref().and_then(|instant| instant.at),
            Self::Deletion(_, at) => *at,
            Self::Outdated => None,
        }
    }
}

impl<'a> Newest<'a> {
    pub(super) fn issue(&mut self, issue: Issue<'a>) {
        self.add(issue.id.clone(), Row::Issue(issue));
    }

    /// A deletion without an instant is as new as can be: it stands there to delete.
    pub(super) fn deletion(&mut self, id: IssueId, at: Option<Timestamp>) {
        self.add(id.clone(), Row::Deletion(id, at.or(Some(Timestamp::MAX))));
    }

    /// The newest instant wins, at a tie the last line.
    fn add(&mut self, id: IssueId, row: Row<'a>) {
        match self.by_id.entry(id) {
            Entry::Vacant(place) => {
                place.insert(self.rows.len());
                self.rows.push(row);
            }
            Entry::Occupied(mut place) => {
                self.duplicates += 1;
                let standing = self.rows.get_mut(*place.get());
                if let Some(standing) = standing.filter(|standing| standing.age() <= row.age()) {
                    *standing = Row::Outdated;
                    place.insert(self.rows.len());
                    self.rows.push(row);
                }
            }
        }
    }

    /// Hands over what won, in file order.
    pub(super) fn finish(self, reading: &mut Reading<'a>) {
        let deleted = &mut reading.deleted;
        let issues = self.rows.into_iter().filter_map(|row| match row {
            Row::Issue(issue) => Some(issue),
            Row::Deletion(id, _) => {
                deleted.push(id);
                None
            }
            Row::Outdated => None,
        });
        reading.issues = issues.collect();
        reading.duplicates = self.duplicates;
    }
}
