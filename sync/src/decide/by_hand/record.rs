//! Commands about one record that is there.

use beadlet_store::edit::{Change, json_text, value};
use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::ready::{Blocker, readiness};

use super::Refused;
use super::sheet::Sheet;
use crate::decide::writeback::{self, Comment, CommentIds, Deed, has, later, text, with};

/// Why a bead is closed, where nobody says.
pub const DEFAULT_REASON: &str = "Closed";

/// The longest assignee and label, in bytes: the tracker's columns.
pub(super) const MAX_WORD: usize = 255;

/// Whether a bead is closed although the tracker would ask first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insistence {
    Ask,
    Force,
}

pub(super) fn claim(sheet: &mut Sheet<'_>, id: &str) -> Result<IssueId, Refused> {
    let at = sheet.place(id)?;
    let (issue, actor) = (&sheet.reading.issues[at], sheet.hand.actor);
    let holder = issue.assignee.as_deref().map(str::trim).unwrap_or_default();
    if !holder.is_empty() && holder != actor {
        return Err(Refused::Claimed {
            id: id.to_owned(),
            by: holder.to_owned(),
        });
    }
    if issue.status == "in_progress" && holder == actor {
        return Ok(issue.id.clone());
    }
    if issue.status != "open" {
        return Err(Refused::NotOpen {
            id: id.to_owned(),
            status: issue.status.to_string(),
        });
    }
    let now = text(later(issue, sheet.hand.now));
    let mut changes = vec![
        Change::text("status", "in_progress"),
        Change::text("assignee", actor),
        Change::text("updated_at", &now),
    ];
    if !has(issue, "started_at") {
        changes.push(Change::text("started_at", &now));
    }
    changed(sheet, at, Deed::Claimed, &changes)
}

pub(super) fn changed(
    sheet: &mut Sheet<'_>,
    at: usize,
    deed: Deed,
    changes: &[Change],
) -> Result<IssueId, Refused> {
    sheet.change(at, deed, changes)?;
    Ok(sheet.reading.issues[at].id.clone())
}

pub(super) fn close(
    sheet: &mut Sheet<'_>,
    id: &str,
    reason: &str,
    insistence: Insistence,
) -> Result<IssueId, Refused> {
    let at = sheet.place(id)?;
    let issue = &sheet.reading.issues[at];
    if issue.status == "closed" {
        return Ok(issue.id.clone());
    }
    if insistence == Insistence::Ask {
        may_close(sheet, at)?;
    }
    let issue = &sheet.reading.issues[at];
    let changes = writeback::close(issue, sheet.hand.now, reason);
    changed(sheet, at, Deed::Closed, &changes)
}

/// What the tracker asks before it closes.
fn may_close(sheet: &Sheet<'_>, at: usize) -> Result<(), Refused> {
    let issue = &sheet.reading.issues[at];
    let id = issue.id.to_string();
    if issue.pinned || issue.status == "pinned" {
        return Err(Refused::Pinned { id });
    }
    let readiness = readiness(&sheet.reading, sheet.hand.profile, sheet.hand.now);
    let blockers: Vec<String> = readiness.blockers[at]
        .iter()
        .filter_map(|blocker| match blocker {
            Blocker::BlockedBy(on, _) | Blocker::WaitsFor(on) => Some(on.to_string()),
            _ => None,
        })
        .collect();
    if !blockers.is_empty() {
        return Err(Refused::Blocked { id, blockers });
    }
    let children: Vec<String> = open_children(sheet, issue)
        .map(|child| child.id.to_string())
        .collect();
    if issue.issue_type == "epic" && !children.is_empty() {
        return Err(Refused::Children { id, children });
    }
    Ok(())
}

fn open_children<'s>(
    sheet: &'s Sheet<'_>,
    parent: &'s Issue<'_>,
) -> impl Iterator<Item = &'s Issue<'s>> {
    let is_child = |issue: &&Issue<'_>| {
        let mut edges = issue.dependencies.iter();
        edges.any(|edge| {
            edge.kind == "parent-child"
                && edge.issue_id == issue.id.as_str()
                && edge.depends_on_id == parent.id.as_str()
        })
    };
    let issues = sheet.reading.issues.iter();
    issues
        .filter(|issue| issue.status != "closed")
        .filter(is_child)
}

pub(super) fn label(
    sheet: &mut Sheet<'_>,
    id: &str,
    labels: &[String],
) -> Result<IssueId, Refused> {
    let at = sheet.place(id)?;
    let issue = &sheet.reading.issues[at];
    let mut new = Vec::new();
    for label in labels {
        let label = lawful_label(label)?;
        if !issue.labels.iter().any(|own| own == label) && !new.contains(&label) {
            new.push(label);
        }
    }
    if new.is_empty() {
        return Ok(issue.id.clone());
    }
    let new: Vec<String> = new.into_iter().map(json_text).collect();
    let changes = [
        with(issue, "labels", &new.join(",")),
        Change::text("updated_at", &text(later(issue, sheet.hand.now))),
    ];
    changed(sheet, at, Deed::Labelled, &changes)
}

pub(super) fn lawful_label(label: &str) -> Result<&str, Refused> {
    let trimmed = label.trim();
    if (1..=MAX_WORD).contains(&trimmed.len()) && !trimmed.contains(',') {
        Ok(trimmed)
    } else {
        Err(Refused::Label {
            label: label.to_owned(),
        })
    }
}

pub(super) fn comment(sheet: &mut Sheet<'_>, id: &str, said: &str) -> Result<IssueId, Refused> {
    if said.trim().is_empty() {
        return Err(Refused::NoText);
    }
    let at = sheet.place(id)?;
    let issue = &sheet.reading.issues[at];
    let now = text(later(issue, sheet.hand.now));
    let comment = Comment {
        author: sheet.hand.actor,
        text: said,
        at: &now,
    };
    let mut changes = vec![
        comment.added_to(issue, &mut CommentIds::of(&sheet.reading)),
        Change::text("updated_at", &now),
    ];
    changes.extend(one_more(issue, "comment_count"));
    changed(sheet, at, Deed::Commented, &changes)
}

/// A count that newer trackers derive, where the record has it.
pub(super) fn one_more(issue: &Issue<'_>, key: &'static str) -> Option<Change> {
    let count: u64 = value(issue.raw, key).ok().flatten()?.parse().ok()?;
    let value = Some((count + 1).to_string());
    Some(Change { key, value })
}
