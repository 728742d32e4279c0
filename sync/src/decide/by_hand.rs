//! What a person asks of the issue file, by a command: what it is to say then, or why the tracker would not have it.

mod create;
mod edge;
mod fields;
mod id;
mod record;
mod sheet;

use beadlet_store::issue::IssueId;
use beadlet_store::ready::Profile;
use beadlet_store::tracker::TrackerConfig;
use jiff::Timestamp;

use super::writeback::{Done, Unwritable};
use sheet::Sheet;

pub use fields::Fields;
pub use record::{DEFAULT_REASON, Insistence};

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Create(Box<NewBead>),
    Claim {
        id: String,
    },
    Close {
        id: String,
        reason: String,
        insistence: Insistence,
    },
    Update {
        id: String,
        fields: Box<Fields>,
    },
    /// `id` depends on another bead.
    Link {
        id: String,
        edge: NewEdge,
    },
    Label {
        id: String,
        labels: Vec<String>,
    },
    Comment {
        id: String,
        text: String,
    },
}

/// A bead that is not there yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBead {
    /// Made by the tracker's own rules when not given.
    pub id: Option<String>,
    /// Becomes `<parent>.<number>`, with an edge and the labels of its parent.
    pub parent: Option<String>,
    pub title: String,
    pub fields: Fields,
    pub labels: Vec<String>,
    pub edges: Vec<NewEdge>,
    /// Beads that wait for it.
    pub blocks: Vec<String>,
}

/// What a bead depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEdge {
    pub on: String,
    pub kind: String,
}

/// Who asks, when, and by whose rules.
#[derive(Clone, Copy, Debug)]
pub struct Hand<'a> {
    /// As it stands in records: of who claims, creates and comments.
    pub actor: &'a str,
    /// The e-mail address, which newer trackers keep as the owner of a bead.
    pub email: &'a str,
    pub now: Timestamp,
    pub tracker: &'a TrackerConfig,
    pub profile: Profile,
    /// Of new ids, without the hyphen; the tracker's own when not given.
    pub prefix: Option<&'a str>,
}

/// The file after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub file: Vec<u8>,
    /// What was changed; nothing when the file says so already.
    pub done: Vec<Done>,
    /// The bead that was asked about, or made.
    pub bead: IssueId,
}

/// Why the tracker would not have it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("no change can be made to the file: {0}")]
    File(#[from] Unwritable),
    #[error("the record of bead {id} cannot be changed without touching the rest of it: {why}")]
    NotEditable { id: String, why: String },
    #[error("there is no bead {id} in the file{}", near_text(near))]
    NoBead { id: String, near: Vec<String> },
    #[error("bead {id} was deleted: its id is not used again")]
    Deleted { id: String },
    #[error("bead {id} is there already")]
    Exists { id: String },
    #[error(
        "{id:?} is no id: it is made of letters, digits, '.', '_' and '-', with a '-' behind its prefix, and of at most 255 of them"
    )]
    BadId { id: String },
    #[error(
        "nobody says with what new ids begin: give --prefix, or set issue-prefix in config.yaml of the tracker"
    )]
    NoPrefix,
    #[error("every id that was tried is taken: give one with --id")]
    NoFreeId,
    #[error(
        "{parent} is {depth} levels deep already, and the tracker has no more: take a bead above it"
    )]
    TooDeep { parent: String, depth: usize },
    #[error(
        "a title has 1 to 500 bytes, not {length}: shorten it, and put the rest into --description"
    )]
    Title { length: usize },
    #[error("{what} {word:?} is one the tracker does not know, and it would refuse the whole file: use one of {}, or add it to {setting} of config.yaml", known.join(", "))]
    Unknown {
        what: &'static str,
        word: String,
        known: Vec<String>,
        setting: &'static str,
    },
    #[error("dependency type {kind:?} means nothing to the tracker: use one of {}", known.join(", "))]
    EdgeKind { kind: String, known: Vec<String> },
    #[error("an assignee has at most 255 bytes, not {length}")]
    Assignee { length: usize },
    #[error("a label is a text without ',' of 1 to 255 bytes, not {label:?}")]
    Label { label: String },
    #[error("a comment needs a text")]
    NoText,
    #[error("nothing is to be changed: give at least one field")]
    NothingAsked,
    #[error(
        "bead {id} is claimed by {by}: who gives it back, says `update {id} --status open --assignee \"\"`"
    )]
    Claimed { id: String, by: String },
    #[error(
        "bead {id} is {status}, and only an open one can be claimed: `update {id} --status open` opens it"
    )]
    NotOpen { id: String, status: String },
    #[error("bead {id} is pinned: --force closes it all the same")]
    Pinned { id: String },
    #[error("bead {id} waits for {}: close those first, or close it all the same with --force", blockers.join(", "))]
    Blocked { id: String, blockers: Vec<String> },
    #[error("epic {id} has open children ({}): close those first, or close it all the same with --force", children.join(", "))]
    Children { id: String, children: Vec<String> },
    #[error("`close {id}` closes a bead, with its checks")]
    UseClose { id: String },
    #[error("bead {id} cannot depend on itself")]
    OnItself { id: String },
    #[error(
        "bead {id} depends on {on} as {kind} already, and the tracker keeps one edge between two beads: it cannot be changed in the file"
    )]
    OtherEdge {
        id: String,
        on: String,
        kind: String,
    },
    #[error(
        "{} would wait for itself, and none of them could ever start: drop one of these dependencies",
        cycle_text(path)
    )]
    Cycle { path: Vec<String> },
    #[error(
        "{on} is a parent of {id} and cannot be closed before it, so {id} would wait for ever: children wait for what their parent waits for by themselves"
    )]
    OnParent { id: String, on: String },
    #[error(
        "{id} and {on} are kept in different tables of the tracker (one is ephemeral), which drops edges between them"
    )]
    Ephemeral { id: String, on: String },
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; the nearest are {}", near.join(", "))
    }
}

fn cycle_text(path: &[String]) -> String {
    path.join(" → ")
}

/// The file after a command, by the tracker's own rules.
///
/// # Errors
/// When the tracker would not have it.
pub fn by_hand(file: &[u8], request: &Request, hand: &Hand<'_>) -> Result<Outcome, Refused> {
    let mut sheet = Sheet::read(file, *hand)?;
    let bead = match request {
        Request::Create(new) => create::create(&mut sheet, new)?,
        Request::Claim { id } => record::claim(&mut sheet, id)?,
        Request::Close {
            id,
            reason,
            insistence,
        } => record::close(&mut sheet, id, reason, *insistence)?,
        Request::Update { id, fields } => fields::update(&mut sheet, id, fields)?,
        Request::Link { id, edge } => edge::link(&mut sheet, id, edge)?,
        Request::Label { id, labels } => record::label(&mut sheet, id, labels)?,
        Request::Comment { id, text } => record::comment(&mut sheet, id, text)?,
    };
    Ok(sheet.outcome(bead))
}

#[cfg(test)]
mod tests;
