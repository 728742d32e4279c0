//! A new bead.

use std::collections::HashMap;

use beadlet_store::edit::json_text;
use beadlet_store::issue::IssueId;
use beadlet_store::name::issue_prefix;

use super::edge;
use super::fields::{Fields, lawful};
use super::id::{MAX_DEPTH, Seed, child_id, depth, hash_id, is_id};
use super::record::lawful_label;
use super::sheet::Sheet;
use super::{NewBead, NewEdge, Refused};
use crate::decide::writeback::{text, whole};

/// In the middle of 0 to 4.
const DEFAULT_PRIORITY: u8 = 2;

pub(super) fn create(sheet: &mut Sheet<'_>, new: &NewBead) -> Result<IssueId, Refused> {
    let priority = new.fields.priority.unwrap_or(DEFAULT_PRIORITY);
    let issue_type = new.fields.issue_type.clone();
    let fields = Fields {
        title: Some(new.title.clone()),
        status: Some("open".to_owned()),
        priority: Some(priority),
        issue_type: Some(issue_type.unwrap_or_else(|| "task".to_owned())),
        ..new.fields.clone()
    };
    let fields = lawful(sheet, &fields)?;
    let id = new_id(sheet, new)?;
    let bead = IssueId::new(&id).ok_or_else(|| Refused::BadId { id: id.clone() })?;
    let edges = edges(sheet, new, &id)?;
    let labels = labels(sheet, new)?;
    let record = Record {
        id: &id,
        fields: &fields,
        labels: &labels,
        edges: &edges,
        parent: new.parent.as_deref(),
    };
    let record = record.json(sheet);
    edge::let_wait(sheet, &new.blocks, &id, &edges)?;
    sheet.add(&bead, i64::from(priority), record);
    Ok(bead)
}

fn new_id(sheet: &Sheet<'_>, new: &NewBead) -> Result<String, Refused> {
    let taken = sheet.taken();
    if let Some(id) = &new.id {
        return given_id(sheet, id);
    }
    if let Some(parent) = &new.parent {
        sheet.place(parent)?;
        let depth = depth(parent);
        if depth >= MAX_DEPTH {
            return Err(Refused::TooDeep {
                parent: parent.clone(),
                depth,
            });
        }
        return Ok(child_id(parent, taken.into_iter()));
    }
    let prefix = prefix(sheet).ok_or(Refused::NoPrefix)?;
    let seed = Seed {
        prefix: &prefix,
        title: &new.title,
        description: new.fields.description.as_deref().unwrap_or_default(),
        creator: sheet.hand.actor,
        now: sheet.hand.now,
    };
    let begin = format!("{prefix}-");
    let of_prefix = sheet.reading.issues.iter().filter(|issue| {
        let rest = issue.id.as_str().strip_prefix(&begin);
        rest.is_some_and(|rest| !rest.contains('.'))
    });
    let id = hash_id(&seed, of_prefix.count(), |id| taken.contains(id));
    id.ok_or(Refused::NoFreeId)
}

fn given_id(sheet: &Sheet<'_>, id: &str) -> Result<String, Refused> {
    let id = id.to_owned();
    if !is_id(&id) {
        return Err(Refused::BadId { id });
    }
    if sheet.is_deleted(&id) {
        return Err(Refused::Deleted { id });
    }
    match sheet.find(&id) {
        Some(_) => Err(Refused::Exists { id }),
        None => Ok(id),
    }
}

/// The one that was asked for, else the tracker's, else the one that most beads have: a tracker may keep its own out of git.
fn prefix(sheet: &Sheet<'_>) -> Option<String> {
    let hand = sheet.hand;
    let said = hand.prefix.or(hand.tracker.issue_prefix.as_deref());
    if let Some(said) = said {
        let said = said.trim_end_matches('-');
        return is_id(&format!("{said}-0")).then(|| said.to_owned());
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let ids = sheet.reading.issues.iter().map(|issue| issue.id.as_str());
    for prefix in ids.filter_map(|id| issue_prefix(id, &[])) {
        *counts.entry(prefix).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|(prefix, count)| (*count, std::cmp::Reverse(*prefix)));
    most.map(|(prefix, _)| prefix.to_owned())
}

/// The new bead's own edges, that to its parent first.
fn edges(sheet: &Sheet<'_>, new: &NewBead, id: &str) -> Result<Vec<NewEdge>, Refused> {
    let parent = new.parent.as_ref().map(|parent| NewEdge {
        on: parent.clone(),
        kind: "parent-child".to_owned(),
    });
    let wanted: Vec<NewEdge> = parent
        .into_iter()
        .chain(new.edges.iter().cloned())
        .collect();
    let parents = wanted.iter().filter(|edge| edge.kind == "parent-child");
    let parents: Vec<&str> = parents.map(|edge| edge.on.as_str()).collect();
    let mut edges: Vec<NewEdge> = Vec::new();
    for edge in &wanted {
        edge::lawful(sheet, None, id, &parents, edge)?;
        match edges.iter().find(|known| known.on == edge.on) {
            None => edges.push(edge.clone()),
            Some(known) if known.kind == edge.kind => {}
            Some(known) => {
                return Err(Refused::OtherEdge {
                    id: id.to_owned(),
                    on: edge.on.clone(),
                    kind: known.kind.clone(),
                });
            }
        }
    }
    Ok(edges)
}

/// Its own labels, then those of its parent.
fn labels(sheet: &Sheet<'_>, new: &NewBead) -> Result<Vec<String>, Refused> {
    let parent = new.parent.as_deref().and_then(|id| sheet.find(id));
    let inherited = parent.iter().flat_map(|parent| &parent.labels);
    let own = new.labels.iter().map(|label| lawful_label(label));
    let mut labels: Vec<String> = Vec::new();
    for label in own.chain(inherited.map(|label| Ok(&**label))) {
        let label = label?.to_owned();
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    Ok(labels)
}

struct Record<'a> {
    id: &'a str,
    fields: &'a Fields,
    labels: &'a [String],
    edges: &'a [NewEdge],
    parent: Option<&'a str>,
}

impl Record<'_> {
    /// In the tracker's order and spelling, with the keys that the version has that writes the file.
    fn json(&self, sheet: &Sheet<'_>) -> String {
        let mut members = Vec::new();
        let mut add = |key: &str, value: String| members.push(format!("\"{key}\":{value}"));
        if sheet.knows_key("_type") {
            add("_type", json_text("issue"));
        }
        add("id", json_text(self.id));
        for change in self.fields.values() {
            if let Some(value) = change.value {
                add(change.key, value);
            }
        }
        let now = json_text(&text(whole(sheet.hand.now)));
        if sheet.knows_key("owner") {
            add("owner", json_text(sheet.hand.email));
        }
        add("created_at", now.clone());
        add("created_by", json_text(sheet.hand.actor));
        add("updated_at", now);
        if !self.labels.is_empty() {
            let labels: Vec<String> = self.labels.iter().map(|label| json_text(label)).collect();
            add("labels", format!("[{}]", labels.join(",")));
        }
        if !self.edges.is_empty() {
            let edges = self.edges.iter();
            let edges: Vec<String> = edges.map(|edge| edge::json(sheet, self.id, edge)).collect();
            add("dependencies", format!("[{}]", edges.join(",")));
        }
        if sheet.knows_key("dependency_count") {
            let blocks = self.edges.iter().filter(|edge| edge.kind == "blocks");
            add("dependency_count", blocks.count().to_string());
            add("dependent_count", "0".to_owned());
        }
        if sheet.knows_key("comment_count") {
            add("comment_count", "0".to_owned());
        }
        if let Some(parent) = self.parent.filter(|_| sheet.knows_key("parent")) {
            add("parent", json_text(parent));
        }
        format!("{{{}}}", members.join(","))
    }
}
