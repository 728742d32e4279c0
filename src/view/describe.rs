//! One issue with all its fields, as `kubectl describe` prints an object.

use std::fmt::Write as _;

use beadlet_store::issue::Issue;

use crate::board::Board;

use super::age::age;
use super::node::Node;
use super::paint::{Paint, Tone, status_tone};
use super::table::{Cell, Header, Table};
use super::text::{lines, one_line};

/// Where values start, in characters.
const COLUMN: usize = 22;

/// Fields on a line of their own: the name of the line, the key in git, what kind of value it is.
const FIELDS: [(&str, &str, Value); 22] = [
    ("Assignee", "assignee", Value::Text),
    ("Owner", "owner", Value::Text),
    ("Created", "created_at", Value::Instant),
    ("Created By", "created_by", Value::Text),
    ("Updated", "updated_at", Value::Instant),
    ("Started", "started_at", Value::Instant),
    ("Due", "due_at", Value::Instant),
    ("Deferred Until", "defer_until", Value::Instant),
    ("Closed", "closed_at", Value::Instant),
    ("Close Reason", "close_reason", Value::Text),
    ("Estimated Minutes", "estimated_minutes", Value::Text),
    ("External Ref", "external_ref", Value::Text),
    ("Spec", "spec_id", Value::Text),
    ("Parent", "parent", Value::Text),
    ("Pinned", "pinned", Value::Text),
    ("Ephemeral", "ephemeral", Value::Text),
    ("Template", "is_template", Value::Text),
    ("Await Type", "await_type", Value::Text),
    ("Await ID", "await_id", Value::Text),
    ("Rig", "rig", Value::Text),
    ("Agent State", "agent_state", Value::Text),
    ("Source System", "source_system", Value::Text),
];

/// Fields of several lines.
const TEXTS: [(&str, &str); 4] = [
    ("Description", "description"),
    ("Design", "design"),
    ("Acceptance Criteria", "acceptance_criteria"),
    ("Notes", "notes"),
];

/// Fields that are shown in another way, or are only counts of what is shown.
const SHOWN_ELSEWHERE: [&str; 13] = [
    "_type",
    "id",
    "title",
    "status",
    "issue_type",
    "priority",
    "labels",
    "dependencies",
    "comments",
    "dependency_count",
    "dependent_count",
    "comment_count",
    "metadata",
];

#[derive(Clone, Copy)]
enum Value {
    Text,
    Instant,
}

/// The whole text. `node` is the issue's line.
#[must_use]
pub fn describe(
    board: &Board<'_>,
    index: usize,
    issue: &Issue<'_>,
    node: &Node,
    paint: Paint,
) -> String {
    let mut page = Page {
        out: String::new(),
        board,
        paint,
    };
    page.head(index, issue, node);
    page.dependencies(issue);
    page.comments(node);
    page.texts(node);
    page.rest(node);
    page.out
}

struct Page<'b> {
    out: String,
    board: &'b Board<'b>,
    paint: Paint,
}

impl Page<'_> {
    fn head(&mut self, index: usize, issue: &Issue<'_>, node: &Node) {
        let status = self
            .paint
            .paint(status_tone(&issue.status), &one_line(&issue.status));
        self.line("ID", &one_line(issue.id.as_str()));
        self.line("Title", &one_line(&issue.title));
        self.line("Status", &status);
        self.line("Type", &one_line(&issue.issue_type));
        self.line("Priority", &issue.priority.to_string());
        self.many(
            "Labels",
            issue
                .labels
                .iter()
                .map(|label| one_line(label).into_owned()),
        );
        self.ready(index);
        for (name, key, value) in FIELDS {
            if let Some(field) = node.field(key).filter(|field| !field.is_empty()) {
                let text = match value {
                    Value::Text => field.line(),
                    Value::Instant => self.instant(&field.line()),
                };
                self.line(name, &one_line(&text));
            }
        }
        if let Some(Node::Map(entries)) = node.field("metadata") {
            self.many(
                "Metadata",
                entries
                    .iter()
                    .map(|(key, value)| one_line(&format!("{key}: {}", value.line())).into_owned()),
            );
        }
        self.line("Line", &issue.line.to_string());
    }

    fn ready(&mut self, index: usize) {
        match self.board.position(index) {
            Some(place) => {
                let text = format!(
                    "true (place {place} of {})",
                    self.board.readiness.ready.len()
                );
                let text = self.paint.paint(Tone::Good, &text);
                self.line("Ready", &text);
            }
            None => {
                self.line("Ready", "false");
                let reasons: Vec<String> = self
                    .board
                    .blockers(index)
                    .iter()
                    .map(|blocker| one_line(&blocker.to_string()).into_owned())
                    .collect();
                self.many("Not Ready Because", reasons);
            }
        }
    }

    fn dependencies(&mut self, issue: &Issue<'_>) {
        let id = issue.id.as_str();
        self.edges("Depends On", &self.board.dependencies(id));
        self.edges("Dependents", &self.board.dependents(id));
    }

    fn edges(&mut self, name: &str, edges: &[(&str, &str)]) {
        if edges.is_empty() {
            self.line(name, "<none>");
            return;
        }
        let row = |(id, kind): &(&str, &str)| {
            let (status, title) = match self.board.issue(id) {
                Some(issue) => (issue.status.to_string(), issue.title.to_string()),
                None if self.board.is_deleted(id) => ("<deleted>".to_owned(), String::new()),
                None => ("<not in the file>".to_owned(), String::new()),
            };
            vec![
                Cell::new(id),
                Cell::new(kind),
                Cell::toned(&status, status_tone(&status)),
                Cell::new(&title),
            ]
        };
        let table = Table {
            header: vec!["ID", "EDGE", "STATUS", "TITLE"],
            rows: edges.iter().map(row).collect(),
        };
        self.block(name, &table.render(Header::Shown, self.paint));
    }

    fn comments(&mut self, node: &Node) {
        let Some(Node::List(comments)) = node
            .field("comments")
            .filter(|comments| !comments.is_empty())
        else {
            return;
        };
        let texts = comments.iter().map(|comment| {
            let author = comment.text("author").unwrap_or("<unknown>");
            let when = self.instant(comment.text("created_at").unwrap_or_default());
            let body = indent(&lines(comment.text("text").unwrap_or_default()));
            format!("{} {}\n{body}", one_line(author), one_line(&when))
        });
        let text: String = texts.collect();
        self.block("Comments", &text);
    }

    fn texts(&mut self, node: &Node) {
        for (name, key) in TEXTS {
            if let Some(text) = node.text(key).filter(|text| !text.is_empty()) {
                self.block(name, &lines(text));
            }
        }
    }

    /// What the tracker keeps that has no line above.
    fn rest(&mut self, node: &Node) {
        let Node::Map(entries) = node else { return };
        let is_shown = |key: &str| {
            let mut keys = FIELDS
                .iter()
                .map(|(_, key, _)| *key)
                .chain(TEXTS.iter().map(|(_, key)| *key))
                .chain(SHOWN_ELSEWHERE);
            keys.any(|shown| shown.eq_ignore_ascii_case(key))
        };
        let rest = entries
            .iter()
            .filter(|(key, value)| !is_shown(key) && !value.is_empty());
        let lines: Vec<String> = rest
            .map(|(key, value)| format!("{}: {}", one_line(key), one_line(&value.line())))
            .collect();
        if !lines.is_empty() {
            self.block("Other Fields", &lines.join("\n"));
        }
    }

    fn instant(&self, text: &str) -> String {
        match text.parse() {
            Ok(at) if at <= self.board.now => format!("{text} ({} ago)", age(at, self.board.now)),
            Ok(at) => format!("{text} (in {})", age(self.board.now, at)),
            Err(_) => text.to_owned(),
        }
    }

    fn line(&mut self, name: &str, value: &str) {
        let value = if value.is_empty() { "<none>" } else { value };
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{:COLUMN$}{value}", format!("{name}:"));
    }

    fn many(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        let values: Vec<String> = values.into_iter().collect();
        let separator = format!("\n{}", " ".repeat(COLUMN));
        self.line(name, &values.join(&separator));
    }

    fn block(&mut self, name: &str, text: &str) {
        let _ = write!(self.out, "{name}:\n{}", indent(text));
    }
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("  {line}\n")
            }
        })
        .collect()
}
