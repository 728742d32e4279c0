//! Issues as tables.

use beadlet_store::issue::Issue;
use jiff::Timestamp;

use crate::board::Board;

use super::age::age;
use super::paint::{Tone, status_tone};
use super::table::{Cell, Table};

/// Which columns there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// For issues that are all ready.
    Ready,
    ReadyWide,
    /// For any issues.
    Any,
    AnyWide,
}

type Column = (&'static str, fn(&Board<'_>, usize, &Issue<'_>) -> Cell);

const ID: Column = ("ID", |_, _, issue| Cell::new(issue.id.as_str()));
const PRIORITY: Column = ("PRIORITY", |_, _, issue| {
    Cell::toned(&issue.priority.to_string(), priority_tone(issue.priority))
});
const TYPE: Column = ("TYPE", |_, _, issue| Cell::new(&issue.issue_type));
const STATUS: Column = ("STATUS", |_, _, issue| {
    Cell::toned(&issue.status, status_tone(&issue.status))
});
const READY: Column = ("READY", |board, index, _| ready(board, index));
const AGE: Column = ("AGE", |board, _, issue| {
    Cell::new(&ago(
        board,
        issue.created_at.as_ref().map(|created| created.at),
    ))
});
const UPDATED: Column = ("UPDATED", |board, _, issue| {
    Cell::new(&ago(board, issue.updated_at))
});
const ASSIGNEE: Column = ("ASSIGNEE", |_, _, issue| {
    Cell::new(issue.assignee.as_deref().unwrap_or_default())
});
const LABELS: Column = ("LABELS", |_, _, issue| Cell::new(&issue.labels.join(",")));
const WHY_NOT: Column = ("NOT READY BECAUSE", |board, index, _| {
    Cell::new(&because(board, index))
});
const TITLE: Column = ("TITLE", |_, _, issue| Cell::new(&issue.title));

/// The issues at these places, in this order.
#[must_use]
pub fn table(board: &Board<'_>, places: &[usize], columns: Columns) -> Table {
    let columns: &[Column] = match columns {
        Columns::Ready => &[ID, PRIORITY, TYPE, AGE, TITLE],
        Columns::ReadyWide => &[ID, PRIORITY, TYPE, AGE, UPDATED, ASSIGNEE, LABELS, TITLE],
        Columns::Any => &[ID, STATUS, PRIORITY, TYPE, READY, AGE, TITLE],
        Columns::AnyWide => &[
            ID, STATUS, PRIORITY, TYPE, READY, AGE, UPDATED, ASSIGNEE, LABELS, WHY_NOT, TITLE,
        ],
    };
    let issues = places
        .iter()
        .filter_map(|at| Some((*at, board.reading.issues.get(*at)?)));
    Table {
        header: columns.iter().map(|(name, _)| *name).collect(),
        rows: issues
            .map(|(at, issue)| {
                columns
                    .iter()
                    .map(|(_, cell)| cell(board, at, issue))
                    .collect()
            })
            .collect(),
    }
}

fn priority_tone(priority: i64) -> Tone {
    match priority {
        0 => Tone::Bad,
        1 => Tone::Attention,
        _ => Tone::Normal,
    }
}

fn ready(board: &Board<'_>, index: usize) -> Cell {
    if board.blockers(index).is_empty() {
        Cell::toned("true", Tone::Good)
    } else {
        Cell::new("false")
    }
}

fn ago(board: &Board<'_>, instant: Option<Timestamp>) -> String {
    instant.map_or_else(String::new, |at| age(at, board.now))
}

fn because(board: &Board<'_>, index: usize) -> String {
    board
        .blockers(index)
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
