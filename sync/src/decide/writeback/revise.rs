//! What the file says after the words.

use std::collections::{HashMap, HashSet};

use beadlet_store::convoy::{GitConvoy, convoys};
use beadlet_store::edit::{Change, edit, value};
use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::reader::{Reading, Refusal, read};
use jiff::Timestamp;

use super::comment::{Comment, CommentIds};
use super::lines::Lines;
use super::{Deed, Done, Mode, Says, Word};

/// A new revision of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revised {
    pub file: Vec<u8>,
    /// What was changed, in the order of the lines. When empty, the file is the one before.
    pub done: Vec<Done>,
    /// Records that ought to be changed and cannot be edited, with why.
    pub stubborn: Vec<(IssueId, String)>,
}

/// Why nothing may be written into a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(
        "{count} lines cannot be read, the first is line {first}: mend them, see `beadlet check`"
    )]
    Rejected { count: usize, first: usize },
}

/// A file of which every line can be read: any other one the tracker refuses as a whole.
pub(crate) fn whole_file(read: Result<Reading<'_>, Refusal>) -> Result<Reading<'_>, Unwritable> {
    let reading = read?;
    match reading.rejected.first() {
        None => Ok(reading),
        Some(first) => Err(Unwritable::Rejected {
            count: reading.rejected.len(),
            first: first.line,
        }),
    }
}

/// Writes what the words say into the records that they are about, where these do not say otherwise: a bead that somebody else has, has
/// closed or has changed since the work ended is theirs. Those of `except` are left alone. `now` is when convoys are closed whose members
/// all are.
///
/// # Errors
/// When the file is one that the tracker would refuse as a whole.
pub fn revise(
    file: &[u8],
    words: &[Word],
    mode: Mode,
    except: &HashSet<IssueId>,
    now: Timestamp,
) -> Result<Revised, Unwritable> {
    let reading = whole_file(read(file))?;
    let mut pen = Pen::new(&reading);
    let by_id: HashMap<&str, &Issue<'_>> = reading
        .issues
        .iter()
        .map(|issue| (issue.id.as_str(), issue))
        .collect();
    let mut ids = CommentIds::of(&reading);
    for word in words.iter().filter(|word| !except.contains(&word.bead)) {
        if let Some(issue) = by_id.get(word.bead.as_str())
            && let Some((deed, changes)) = step(issue, word, &mut ids)
        {
            pen.write(issue, deed, &word.by, &changes);
        }
    }
    if mode.closes {
        let convoys = convoys(&reading)
            .into_iter()
            .filter(|convoy| !except.contains(&convoy.id));
        close_convoys(convoys, &by_id, &mut pen, now);
    }
    Ok(pen.file(file))
}

/// The lines that are written anew.
struct Pen {
    lines: Lines,
    closed: HashSet<IssueId>,
    done: Vec<(usize, Done)>,
    stubborn: Vec<(IssueId, String)>,
}

impl Pen {
    fn new(reading: &Reading<'_>) -> Self {
        let closed = reading
            .issues
            .iter()
            .filter(|issue| issue.status == "closed");
        let closed = closed.map(|issue| issue.id.clone());
        Self {
            lines: Lines::default(),
            closed: closed.chain(reading.deleted.iter().cloned()).collect(),
            done: Vec::new(),
            stubborn: Vec::new(),
        }
    }

    fn write(&mut self, issue: &Issue<'_>, deed: Deed, by: &str, changes: &[Change]) {
        match edit(issue.raw, changes) {
            Ok(line) => {
                self.lines.replace(issue.line, line);
                if matches!(deed, Deed::Closed | Deed::ConvoyClosed) {
                    self.closed.insert(issue.id.clone());
                }
                let done = Done {
                    bead: issue.id.clone(),
                    deed,
                    by: by.to_owned(),
                };
                self.done.push((issue.line, done));
            }
            Err(error) => self.stubborn.push((issue.id.clone(), error.to_string())),
        }
    }

    fn file(mut self, before: &[u8]) -> Revised {
        self.done.sort_by_key(|(line, _)| *line);
        Revised {
            file: self.lines.file(before),
            done: self.done.into_iter().map(|(_, done)| done).collect(),
            stubborn: self.stubborn,
        }
    }
}

/// Statuses of a bead that may be worked on: in any other one, somebody put it aside.
const OPEN: [&str; 3] = ["open", "in_progress", "hooked"];

/// What a word makes of a record; nothing where it says so already, or is somebody else's.
fn step(issue: &Issue<'_>, word: &Word, ids: &mut CommentIds<'_>) -> Option<(Deed, Vec<Change>)> {
    let assignee = issue.assignee.as_deref().map(str::trim).unwrap_or_default();
    let is_own = word.own.iter().any(|own| own == assignee);
    let is_free = assignee.is_empty() && OPEN.contains(&&*issue.status);
    if issue.status == "closed" || !(is_free || is_own) {
        return None;
    }
    match &word.says {
        // Somebody else is at it.
        Says::Working if !is_own && issue.status != "open" => None,
        Says::Working if assignee == word.by && issue.status != "open" => None,
        Says::Working => Some((Deed::Claimed, claim(issue, word))),
        // Somebody had another thought when the work was over: it is looked at again.
        Says::Done { .. } | Says::GaveUp { .. } if is_newer(issue, word.at) => None,
        Says::Done { reason } => Some((Deed::Closed, close(issue, word.at, reason))),
        Says::GaveUp { .. } if !is_own => None,
        Says::GaveUp { why } => Some((Deed::GivenBack, give_back(issue, word, why, ids))),
    }
}

fn is_newer(issue: &Issue<'_>, at: Timestamp) -> bool {
    // Instants of Kubernetes are whole seconds.
    issue
        .updated_at
        .is_some_and(|updated| updated.as_second() > at.as_second())
}

fn claim(issue: &Issue<'_>, word: &Word) -> Vec<Change> {
    let at = text(whole(word.at));
    let mut changes = vec![
        Change::text("status", "in_progress"),
        Change::text("assignee", &word.by),
    ];
    if !has(issue, "started_at") {
        changes.push(Change::text("started_at", &at));
    }
    // An import takes a record that is as old as its own, and refuses an older one.
    if issue
        .updated_at
        .is_none_or(|updated| updated < whole(word.at))
    {
        changes.push(Change::text("updated_at", &at));
    }
    changes
}

pub(crate) fn close(issue: &Issue<'_>, at: Timestamp, reason: &str) -> Vec<Change> {
    let at = text(later(issue, at));
    vec![
        Change::text("status", "closed"),
        Change::text("updated_at", &at),
        Change::text("closed_at", &at),
        Change::text("close_reason", reason),
    ]
}

fn give_back(issue: &Issue<'_>, word: &Word, why: &str, ids: &mut CommentIds<'_>) -> Vec<Change> {
    let at = text(later(issue, word.at));
    let comment = Comment {
        author: &word.by,
        text: &format!("gave up: {why}"),
        at: &at,
    };
    vec![
        Change::text("status", "open"),
        Change::gone("assignee"),
        Change::text("updated_at", &at),
        comment.added_to(issue, ids),
    ]
}

/// Whole seconds, as the tracker writes them.
pub(crate) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// `at`, or the first whole second after the record's last change.
pub(crate) fn later(issue: &Issue<'_>, at: Timestamp) -> Timestamp {
    let at = whole(at);
    match issue.updated_at {
        Some(updated) if updated >= at => {
            Timestamp::from_second(updated.as_second() + 1).unwrap_or(updated)
        }
        _ => at,
    }
}

pub(crate) fn text(at: Timestamp) -> String {
    at.to_string()
}

pub(crate) fn has(issue: &Issue<'_>, key: &str) -> bool {
    value(issue.raw, key).is_ok_and(|found| found.is_some_and(|value| value != "null"))
}

/// A convoy whose members are all closed is closed. One with a member that is not in this file is not: nobody here knows of it.
fn close_convoys(
    convoys: impl Iterator<Item = GitConvoy>,
    by_id: &HashMap<&str, &Issue<'_>>,
    pen: &mut Pen,
    now: Timestamp,
) {
    for convoy in convoys {
        let Some(issue) = by_id.get(convoy.id.as_str()) else {
            continue;
        };
        let is_over = !convoy.members.is_empty()
            && convoy
                .members
                .iter()
                .all(|member| pen.closed.contains(member));
        if issue.status == "open" && is_over {
            let changes = close(issue, now, "All tracked issues completed");
            pen.write(issue, Deed::ConvoyClosed, "", &changes);
        }
    }
}

#[cfg(test)]
mod tests;
