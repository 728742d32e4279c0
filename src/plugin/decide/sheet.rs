//! Everything about one bead.

use std::collections::HashMap;
use std::fmt::Write as _;

use beadlet_store::keys::data;
use jiff::Timestamp;

use super::form::Look;
use super::standing::Placed;
use super::town::Town;
use super::why;
use crate::view::node::Node;
use crate::view::table::{Cell, Table};
use crate::view::text::{lines, one_line};

/// Where values start, in characters.
const COLUMN: usize = 22;

/// Fields of several lines: the heading, the key in git.
const TEXTS: [(&str, &str); 4] = [
    ("Description", "description"),
    ("Design", "design"),
    ("Acceptance Criteria", "acceptance_criteria"),
    ("Notes", "notes"),
];

/// The whole text, as `kubectl describe` prints an object.
#[must_use]
pub fn sheet(town: &Town, placed: &Placed<'_>, look: Look, now: Timestamp) -> String {
    let issue = issue(placed);
    let mut text = head(town, placed);
    text += &edges(town, placed, &issue, look);
    for (heading, key) in TEXTS {
        if let Some(value) = issue.text(key).filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "{heading}:");
            for line in lines(value).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text + &why::attempts(placed, look, now)
}

/// The line in git. A bead whose line is not JSON is no bead.
fn issue(placed: &Placed<'_>) -> Node {
    let data = placed.held.configmap.data.as_ref();
    let line = data.and_then(|data| data.get(data::ISSUE));
    line.and_then(|line| Node::parse(line.as_bytes()).ok())
        .unwrap_or(Node::Null)
}

fn head(town: &Town, placed: &Placed<'_>) -> String {
    let (bead, why) = (placed.bead(), why::why(placed));
    let fields = [
        ("ID", why.id),
        ("Title", why.title),
        ("Namespace", why.namespace),
        ("ConfigMap", bead.configmap.clone()),
        ("Status", bead.status.clone()),
        ("Type", bead.issue_type.clone()),
        ("Priority", bead.priority.to_string()),
        ("Labels", bead.labels.join(", ")),
        ("Assignee", bead.assignee.clone().unwrap_or_default()),
        ("Convoys", town.convoys_of(&bead.key).join(", ")),
        ("Rig", why.rig.unwrap_or_default()),
        ("Ready", why.ready.to_string()),
        ("State", why.state.to_owned()),
        ("Why", why.detail),
    ];
    let told = fields.iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| format!("{:COLUMN$}{}\n", format!("{name}:"), one_line(value)))
        .collect()
}

/// What the bead depends on.
fn edges(town: &Town, placed: &Placed<'_>, issue: &Node, look: Look) -> String {
    let Some(Node::List(edges)) = issue.field("dependencies").filter(|list| !list.is_empty())
    else {
        return String::new();
    };
    let namespace = &placed.bead().key.namespace;
    let known: HashMap<&str, _> = town
        .beads
        .iter()
        .filter(|held| held.bead.key.namespace == *namespace)
        .map(|held| (held.bead.key.id.as_str(), &held.bead))
        .collect();
    let row = |edge: &Node| {
        let id = edge.text("depends_on_id")?;
        let (status, title) = known.get(id).map_or(("<not here>", ""), |bead| {
            (bead.status.as_str(), bead.title.as_str())
        });
        let kind = edge.text("type").unwrap_or("blocks");
        Some([id, kind, status, title].map(Cell::new).to_vec())
    };
    let table = Table {
        header: vec!["ID", "EDGE", "STATUS", "TITLE"],
        rows: edges.iter().filter_map(row).collect(),
    };
    let indented = look
        .table(&table)
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect::<String>();
    format!("Depends On:\n{indented}")
}
