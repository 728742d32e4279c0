//! Fields of a record, and their change.

use beadlet_store::edit::{Change, value};
use beadlet_store::issue::{Issue, IssueId};
use serde_json::Value;

use super::Refused;
use super::record::{MAX_WORD, changed};
use super::sheet::Sheet;
use crate::decide::writeback::{Deed, MAX_TITLE, has, later, text};

/// Fields of a record; those that are given. An empty text takes a field away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub title: Option<String>,
    pub description: Option<String>,
    pub design: Option<String>,
    pub acceptance_criteria: Option<String>,
    pub notes: Option<String>,
    pub status: Option<String>,
    /// 0 to 4.
    pub priority: Option<u8>,
    pub issue_type: Option<String>,
    pub assignee: Option<String>,
}

pub(super) fn update(sheet: &mut Sheet<'_>, id: &str, fields: &Fields) -> Result<IssueId, Refused> {
    if *fields == Fields::default() {
        return Err(Refused::NothingAsked);
    }
    let at = sheet.place(id)?;
    let fields = lawful(sheet, fields)?;
    let issue = &sheet.reading.issues[at];
    if fields.status.as_deref() == Some("closed") && issue.status != "closed" {
        return Err(Refused::UseClose { id: id.to_owned() });
    }
    let mut changes: Vec<Change> = fields
        .values()
        .filter(|change| differs(issue, change))
        .collect();
    if changes.is_empty() {
        return Ok(issue.id.clone());
    }
    let now = text(later(issue, sheet.hand.now));
    if changes.iter().any(|change| change.key == "status") {
        // A closed one is opened.
        changes.push(Change::gone("closed_at"));
        changes.push(Change::gone("close_reason"));
        let is_begun = fields.status.as_deref() == Some("in_progress");
        if is_begun && !has(issue, "started_at") {
            changes.push(Change::text("started_at", &now));
        }
    }
    changes.push(Change::text("updated_at", &now));
    changed(sheet, at, Deed::Updated, &changes)
}

impl Fields {
    /// As changes of a record, in the tracker's order.
    pub(super) fn values(&self) -> impl Iterator<Item = Change> {
        let Self {
            title,
            description,
            design,
            acceptance_criteria,
            notes,
            status,
            priority,
            issue_type,
            assignee,
        } = self;
        let text = |key: &'static str, value: &Option<String>| {
            let value = value.as_deref()?;
            Some(if value.is_empty() {
                Change::gone(key)
            } else {
                Change::text(key, value)
            })
        };
        let priority = priority.map(|priority| Change {
            key: "priority",
            value: Some(priority.to_string()),
        });
        let all = [
            text("title", title),
            text("description", description),
            text("design", design),
            text("acceptance_criteria", acceptance_criteria),
            text("notes", notes),
            text("status", status),
            priority,
            text("issue_type", issue_type),
            text("assignee", assignee),
        ];
        all.into_iter().flatten()
    }
}

/// The fields in the tracker's own words, if it takes them.
pub(super) fn lawful(sheet: &Sheet<'_>, fields: &Fields) -> Result<Fields, Refused> {
    let mut fields = fields.clone();
    if let Some(title) = &fields.title
        && !(1..=MAX_TITLE).contains(&title.len())
    {
        let length = title.len();
        return Err(Refused::Title { length });
    }
    if let Some(length) = fields.assignee.as_ref().map(String::len)
        && length > MAX_WORD
    {
        return Err(Refused::Assignee { length });
    }
    let issues = &sheet.reading.issues;
    if let Some(status) = &fields.status {
        let used = issues.iter().map(|issue| &*issue.status);
        known("status", status, sheet.hand.tracker.statuses(), used)?;
    }
    if let Some(issue_type) = &mut fields.issue_type {
        *issue_type = canonical(issue_type);
        let used = issues.iter().map(|issue| &*issue.issue_type);
        known("issue type", issue_type, sheet.hand.tracker.types(), used)?;
    }
    Ok(fields)
}

/// What the tracker's own commands take for other names of types.
fn canonical(issue_type: &str) -> String {
    let lower = issue_type.to_ascii_lowercase();
    let name = match lower.as_str() {
        "enhancement" | "feat" => "feature",
        "dec" | "adr" => "decision",
        "investigation" | "timebox" => "spike",
        "user-story" | "user_story" => "story",
        "ms" => "milestone",
        "mr" => "merge-request",
        "mol" => "molecule",
        other => other,
    };
    name.to_owned()
}

/// A word that stands in the file already is one the tracker has taken.
fn known<'w>(
    what: &'static str,
    word: &str,
    words: Vec<&'w str>,
    mut used: impl Iterator<Item = &'w str>,
) -> Result<(), Refused> {
    if words.contains(&word) || used.any(|used| used == word) {
        return Ok(());
    }
    Err(Refused::Unknown {
        what,
        word: word.to_owned(),
        known: words.into_iter().map(str::to_owned).collect(),
        setting: if what == "status" {
            "status.custom"
        } else {
            "types.custom"
        },
    })
}

/// Whether the record says something else now.
fn differs(issue: &Issue<'_>, change: &Change) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let now = value(issue.raw, change.key).ok().flatten().map(json);
    let now = now.filter(|now| !now.is_null() && now != "");
    let implied = match change.key {
        "status" => Some(Value::from(&*issue.status)),
        "issue_type" => Some(Value::from(&*issue.issue_type)),
        "priority" => Some(Value::from(issue.priority)),
        _ => None,
    };
    now.or(implied) != change.value.as_deref().map(json)
}
