//! The issue as the agent should read it.

use serde_json::Value;

/// What a person wrote into an issue. A field that the file does not have, or that is not text, is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bead {
    pub id: String,
    pub title: String,
    pub kind: String,
    pub description: String,
    pub design: String,
    pub acceptance_criteria: String,
    pub notes: String,
    pub comments: Vec<Comment>,
}

/// One comment, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comment {
    pub author: String,
    /// As written in the file.
    pub created_at: String,
    pub text: String,
}

/// Why an issue cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BeadError {
    #[error("the issue is not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("the issue is not a JSON object")]
    NotAnObject,
}

impl Bead {
    /// Reads one line of an issue file.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn parse(json: &[u8]) -> Result<Self, BeadError> {
        let issue: Value =
            serde_json::from_str(&String::from_utf8_lossy(json)).map_err(BeadError::NotJson)?;
        if !issue.is_object() {
            return Err(BeadError::NotAnObject);
        }
        Ok(Self {
            id: text(&issue, "id"),
            title: text(&issue, "title"),
            kind: text(&issue, "issue_type"),
            description: text(&issue, "description"),
            design: text(&issue, "design"),
            acceptance_criteria: text(&issue, "acceptance_criteria"),
            notes: text(&issue, "notes"),
            comments: issue["comments"]
                .as_array()
                .map(|all| all.iter().map(comment).collect())
                .unwrap_or_default(),
        })
    }
}

fn comment(value: &Value) -> Comment {
    Comment {
        author: text(value, "author"),
        created_at: text(value, "created_at"),
        text: text(value, "text"),
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issue_gives_what_a_person_wrote() {
        let bead = Bead::parse(
            br#"{"id":"gt-1","title":"T","issue_type":"bug","description":"D","design":"E","acceptance_criteria":"A",
                "notes":"N","comments":[{"id":7,"author":"ann","created_at":"2026-01-01T00:00:00Z","text":"C"}]}"#,
        )
        .unwrap();
        assert_eq!(bead.description, "D");
        assert_eq!(bead.acceptance_criteria, "A");
        assert_eq!(
            bead.comments,
            [Comment {
                author: "ann".into(),
                created_at: "2026-01-01T00:00:00Z".into(),
                text: "C".into()
            }]
        );
    }

    #[test]
    fn field_that_is_not_text_is_empty() {
        let bead = Bead::parse(br#"{"id":"gt-1","title":5,"comments":"none"}"#).unwrap();
        assert_eq!(
            bead,
            Bead {
                id: "gt-1".into(),
                ..Bead::default()
            }
        );
    }

    #[test]
    fn issue_with_broken_utf8_is_still_read() {
        assert_eq!(
            Bead::parse(b"{\"id\":\"a\",\"title\":\"\xff\"}")
                .unwrap()
                .title,
            "\u{fffd}"
        );
    }

    #[test]
    fn text_that_is_not_an_object_is_refused() {
        assert!(matches!(Bead::parse(b"[1]"), Err(BeadError::NotAnObject)));
        assert!(matches!(Bead::parse(b"{"), Err(BeadError::NotJson(_))));
    }
}
