//! The issue file under a person's hand: what it says, and the lines that are written anew or added.

use std::collections::{HashMap, HashSet};

use beadlet_store::edit::{Change, edit};
use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::reader::{Reading, read};

use super::{Hand, Outcome, Refused};
use crate::decide::writeback::{Deed, Done, Lines, whole_file};

/// Ids that are named when one is not found.
const NEAREST: usize = 3;

pub(super) struct Sheet<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) hand: Hand<'a>,
    file: &'a [u8],
    by_id: HashMap<IssueId, usize>,
    lines: Lines,
    done: Vec<Done>,
}

impl<'a> Sheet<'a> {
    pub(super) fn read(file: &'a [u8], hand: Hand<'a>) -> Result<Self, Refused> {
        let reading = whole_file(read(file))?;
        let by_id = reading.issues.iter().enumerate();
        Ok(Self {
            by_id: by_id.map(|(at, issue)| (issue.id.clone(), at)).collect(),
            reading,
            hand,
            file,
            lines: Lines::default(),
            done: Vec::new(),
        })
    }

    /// Where a bead stands among the issues.
    pub(super) fn place(&self, id: &str) -> Result<usize, Refused> {
        let found = IssueId::new(id).and_then(|id| self.by_id.get(&id).copied());
        found.ok_or_else(|| {
            if self.is_deleted(id) {
                return Refused::Deleted { id: id.to_owned() };
            }
            Refused::NoBead {
                id: id.to_owned(),
                near: self.near(id),
            }
        })
    }

    pub(super) fn issue(&self, id: &str) -> Result<&Issue<'a>, Refused> {
        self.place(id).map(|at| &self.reading.issues[at])
    }

    pub(super) fn find(&self, id: &str) -> Option<&Issue<'a>> {
        self.issue(id).ok()
    }

    pub(super) fn is_deleted(&self, id: &str) -> bool {
        self.reading
            .deleted
            .iter()
            .any(|deleted| deleted.as_str() == id)
    }

    /// Ids that begin as this one does, or end so.
    fn near(&self, id: &str) -> Vec<String> {
        let suffix = id.rsplit('-').next().unwrap_or(id);
        let ids = self.reading.issues.iter().map(|issue| issue.id.as_str());
        let is_near = |other: &&str| {
            !suffix.is_empty() && (other.starts_with(id) || other.ends_with(&format!("-{suffix}")))
        };
        ids.filter(is_near)
            .take(NEAREST)
            .map(str::to_owned)
            .collect()
    }

    /// Whether any record has this key, as the tracker's version that writes the file has it.
    pub(super) fn knows_key(&self, key: &str) -> bool {
        let text = format!("\"{key}\":");
        let text = text.as_bytes();
        let is_in = |line: &[u8]| line.windows(text.len()).any(|part| part == text);
        self.reading.issues.iter().any(|issue| is_in(issue.raw))
    }

    /// Changes a record. Nothing to change is nothing done.
    pub(super) fn change(
        &mut self,
        at: usize,
        deed: Deed,
        changes: &[Change],
    ) -> Result<(), Refused> {
        let issue = &self.reading.issues[at];
        let line = edit(issue.raw, changes).map_err(|error| Refused::NotEditable {
            id: issue.id.to_string(),
            why: error.to_string(),
        })?;
        self.lines.replace(issue.line, line);
        self.done.push(self.by_us(issue.id.clone(), deed));
        Ok(())
    }

    /// Adds a record: where the tracker would have it, where the file is in one of its orders, else at the end.
    pub(super) fn add(&mut self, id: &IssueId, priority: i64, record: String) {
        let before = place(&self.reading.issues, id.as_str(), priority);
        let line = before.map(|at| self.reading.issues[at].line);
        self.lines.insert(line, record.into_bytes());
        self.done.push(self.by_us(id.clone(), Deed::Created));
    }

    fn by_us(&self, bead: IssueId, deed: Deed) -> Done {
        Done {
            bead,
            deed,
            by: self.hand.actor.to_owned(),
        }
    }

    pub(super) fn outcome(self, bead: IssueId) -> Outcome {
        Outcome {
            file: self.lines.file(self.file),
            done: self.done,
            bead,
        }
    }

    /// All ids that cannot be given to a new bead.
    pub(super) fn taken(&self) -> HashSet<&str> {
        let deleted = self.reading.deleted.iter();
        let issues = self.reading.issues.iter().map(|issue| &issue.id);
        deleted.chain(issues).map(IssueId::as_str).collect()
    }
}

/// The issue before which a new one goes. Trackers up to 0.49 write by id, newer ones by priority and then the newest first.
fn place(issues: &[Issue<'_>], id: &str, priority: i64) -> Option<usize> {
    if issues.is_sorted_by_key(|issue| issue.id.as_str()) {
        return issues.iter().position(|issue| issue.id.as_str() > id);
    }
    let newest_first = |issue: &Issue<'_>| {
        let created = issue.created_at.as_ref().map(|created| created.at);
        (issue.priority, std::cmp::Reverse(created))
    };
    if issues.is_sorted_by_key(newest_first) {
        return issues.iter().position(|issue| issue.priority >= priority);
    }
    None
}
