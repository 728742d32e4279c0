//! What a pass would change, for people.

use crate::changes::{Action, Change};

use super::paint::Tone;
use super::table::{Cell, Table};

/// The changes as a table.
#[must_use]
pub fn table(changes: &[Change]) -> Table {
    Table {
        header: vec!["ACTION", "NAME", "ISSUE", "REASON"],
        rows: changes.iter().map(row).collect(),
    }
}

fn row(change: &Change) -> Vec<Cell> {
    let tone = match change.action {
        Action::Create => Tone::Good,
        Action::Update | Action::Wait => Tone::Attention,
        Action::Delete | Action::Refuse => Tone::Bad,
    };
    vec![
        Cell::toned(change.action.name(), tone),
        Cell::new(&change.name),
        Cell::new(change.id.as_deref().unwrap_or_default()),
        Cell::new(&change.reason),
    ]
}
