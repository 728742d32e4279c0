//! One issue as a tracker of today exports it: the same keys in the same order.

use jiff::Timestamp;
use serde::Serialize;

/// An issue of the town. Built by naming what is special about it; everything else is as the tracker fills it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bead {
    #[serde(rename = "_type")]
    record: &'static str,
    pub id: String,
    pub title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub acceptance_criteria: String,
    pub status: &'static str,
    /// 0 (most urgent) to 4.
    pub priority: u8,
    pub issue_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub assignee: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub close_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defer_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Edge>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
}

/// `issue_id` depends on `depends_on_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    pub issue_id: String,
    pub depends_on_id: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub created_at: Timestamp,
    pub created_by: String,
    metadata: &'static str,
}

/// What somebody said about an issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comment {
    pub id: String,
    pub issue_id: String,
    pub author: String,
    pub text: String,
    pub created_at: Timestamp,
}

impl Bead {
    /// An open issue of priority 2 that the mayor wrote.
    #[must_use]
    pub fn new(issue_type: &'static str, id: &str, title: &str, created_at: Timestamp) -> Self {
        Self {
            record: "issue",
            id: id.to_owned(),
            title: title.to_owned(),
            description: String::new(),
            acceptance_criteria: String::new(),
            status: "open",
            priority: 2,
            issue_type,
            assignee: String::new(),
            created_at,
            created_by: "mayor".to_owned(),
            updated_at: created_at,
            closed_at: None,
            close_reason: String::new(),
            defer_until: None,
            pinned: false,
            labels: Vec::new(),
            dependencies: Vec::new(),
            comments: Vec::new(),
        }
    }

    #[must_use]
    pub fn says(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    #[must_use]
    pub fn accepted_when(mut self, criteria: impl Into<String>) -> Self {
        self.acceptance_criteria = criteria.into();
        self
    }

    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    #[must_use]
    pub fn by(mut self, author: &str) -> Self {
        author.clone_into(&mut self.created_by);
        self
    }

    #[must_use]
    pub fn labelled(mut self, labels: &[&str]) -> Self {
        self.labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self
    }

    /// A child of `parent`.
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        self.edge(parent, "parent-child")
    }

    #[must_use]
    pub fn blocked_by(self, blocker: &str) -> Self {
        self.edge(blocker, "blocks")
    }

    /// A convoy's hold on a member.
    #[must_use]
    pub fn tracks(self, members: &[&str]) -> Self {
        members
            .iter()
            .fold(self, |convoy, member| convoy.edge(member, "tracks"))
    }

    #[must_use]
    pub fn edge(mut self, target: &str, kind: &'static str) -> Self {
        self.dependencies.push(Edge {
            issue_id: self.id.clone(),
            depends_on_id: target.to_owned(),
            kind,
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            metadata: "{}",
        });
        self
    }

    /// In a status in which somebody holds it: `hooked` or `in_progress`.
    #[must_use]
    pub fn held(mut self, status: &'static str, assignee: &str) -> Self {
        self.status = status;
        assignee.clone_into(&mut self.assignee);
        self
    }

    #[must_use]
    pub fn closed(mut self, at: Timestamp, reason: &str) -> Self {
        self.close(at, reason);
        self
    }

    /// Put off by its status.
    #[must_use]
    pub fn shelved(mut self) -> Self {
        self.status = "deferred";
        self
    }

    /// Open, but not before `at`.
    #[must_use]
    pub fn not_before(mut self, at: Timestamp) -> Self {
        self.defer_until = Some(at);
        self
    }

    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    #[must_use]
    pub fn commented(mut self, author: &str, at: Timestamp, text: impl Into<String>) -> Self {
        let number = self.comments.len() + 1;
        self.comments.push(Comment {
            id: format!("{}-c{number}", self.id),
            issue_id: self.id.clone(),
            author: author.to_owned(),
            text: text.into(),
            created_at: at,
        });
        self.updated_at = self.updated_at.max(at);
        self
    }

    /// What the tracker writes when somebody closes the issue.
    pub fn close(&mut self, at: Timestamp, reason: &str) {
        self.status = "closed";
        self.closed_at = Some(at);
        self.updated_at = at;
        reason.clone_into(&mut self.close_reason);
    }

    /// What the tracker writes when somebody edits the title.
    pub fn retitle(&mut self, at: Timestamp, title: &str) {
        title.clone_into(&mut self.title);
        self.updated_at = at;
    }
}
