//! Of several rows of one id, the newest.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Duplicate, Reading};
use crate::issue::{Issue, IssueId};

/// All rows read so far, and for each id which of them stands.
#[derive(Debug, Default)]
pub(super) struct Newest<'a> {
    issues: Vec<Issue<'a>>,
    /// Deletions with their lines.
    deletions: Vec<(IssueId, usize)>,
    standing: HashMap<IssueId, Row>,
    duplicates: Vec<Duplicate>,
}

/// One row of an id.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Its `updated_at`; a row without one is older than any other.
    age: Option<Timestamp>,
    line: usize,
}

impl<'a> Newest<'a> {
    pub(super) fn issue(&mut self, issue: Issue<'a>) {
        self.row(
            &issue.id,
            Row {
                age: issue.updated_at,
                line: issue.line,
            },
        );
        self.issues.push(issue);
    }

    /// A deletion without an instant is as new as can be: it stands there to delete.
    pub(super) fn deletion(&mut self, line: usize, id: IssueId, at: Option<Timestamp>) {
        self.row(
            &id,
            Row {
                age: at.or(Some(Timestamp::MAX)),
                line,
            },
        );
        self.deletions.push((id, line));
    }

    /// The newest instant wins, at a tie the last line.
    fn row(&mut self, id: &IssueId, row: Row) {
        match self.standing.get_mut(id) {
            None => drop(self.standing.insert(id.clone(), row)),
            Some(standing) => {
                let lost = if standing.age <= row.age {
                    std::mem::replace(standing, row)
                } else {
                    row
                };
                self.duplicates.push(Duplicate {
                    line: lost.line,
                    id: id.clone(),
                });
            }
        }
    }

    /// Hands over what won, in file order.
    pub(super) fn finish(mut self, reading: &mut Reading<'a>) {
        let stands =
            |id: &IssueId, line: usize| self.standing.get(id).is_some_and(|row| row.line == line);
        self.issues.retain(|issue| stands(&issue.id, issue.line));
        self.issues.shrink_to_fit();
        self.deletions.retain(|(id, line)| stands(id, *line));
        reading.issues = self.issues;
        reading.deleted = self.deletions.into_iter().map(|(id, _)| id).collect();
        reading.duplicates = self.duplicates;
    }
}
