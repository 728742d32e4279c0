//! One issue as it stands in git: every byte kept, the fields that decide something parsed.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;

/// An issue id as the tracker wrote it: never empty, otherwise any text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueId(Box<str>);

impl IssueId {
    /// The longest id that the reader takes, in bytes; the tracker's own column holds 255 characters.
    pub const MAX_LEN: usize = 1024;

    /// `None` when `id` is empty.
    #[must_use]
    pub fn new(id: &str) -> Option<Self> {
        (!id.is_empty()).then(|| Self(id.into()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An instant as written in the file, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant<'a> {
    /// The text in the file; old trackers order by it.
    pub text: Cow<'a, str>,
    pub at: Timestamp,
}

impl<'a> Instant<'a> {
    /// Reads RFC 3339. What lies beyond the last instant that can be told (such as `9999-12-31T23:59:59Z`, which people
    /// write for "never") is that last instant.
    ///
    /// # Errors
    /// Gives back a text that is something else.
    pub fn parse(text: Cow<'a, str>) -> Result<Self, Cow<'a, str>> {
        match text.parse() {
            Ok(at) => Ok(Self { text, at }),
            Err(_) if is_in_last_year(&text) => Ok(Self {
                text,
                at: Timestamp::MAX,
            }),
            Err(_) => Err(text),
        }
    }
}

fn is_in_last_year(text: &str) -> bool {
    let pieces = Pieces::parse(text);
    pieces.is_ok_and(|pieces| pieces.date().year() == 9999 && pieces.to_numeric_offset().is_some())
}

/// One line of the file that is an issue. Text borrows from the file's bytes wherever JSON allows it.
#[derive(Clone, Debug)]
pub struct Issue<'a> {
    /// 1-based line number in the file.
    pub line: usize,
    /// The line as it stands in git, without its line end.
    pub raw: &'a [u8],
    pub id: IssueId,
    pub title: Cow<'a, str>,
    /// `open` when the file has none.
    pub status: Cow<'a, str>,
    /// `task` when the file has none.
    pub issue_type: Cow<'a, str>,
    /// 0 (most urgent) to 4; a missing one is 0. Out-of-range values are kept as they are.
    pub priority: i64,
    pub assignee: Option<Cow<'a, str>>,
    pub created_at: Option<Instant<'a>>,
    pub updated_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub defer_until: Option<Timestamp>,
    pub close_reason: Option<Cow<'a, str>>,
    pub pinned: bool,
    pub ephemeral: bool,
    /// What trackers 0.33 to 0.36 called `ephemeral`.
    pub wisp: bool,
    pub is_template: bool,
    pub labels: Vec<Cow<'a, str>>,
    pub dependencies: Vec<Dependency<'a>>,
}

/// An edge: `issue_id` depends on `depends_on_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency<'a> {
    /// The dependent; the enclosing issue where the file names none.
    pub issue_id: Cow<'a, str>,
    /// The target: an id of this file or of another, or an `external:` reference.
    pub depends_on_id: Cow<'a, str>,
    /// Empty when the file has none: such an edge is inert.
    pub kind: Cow<'a, str>,
    /// A string that holds JSON, as the tracker keeps it.
    pub metadata: Option<Cow<'a, str>>,
}
