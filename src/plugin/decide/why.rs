//! What a bead waits for, or who has it.

use std::fmt::Write as _;

use beadlet_scheduler::decide::attempt::Attempt;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

use super::form::Look;
use super::rows::polecats;
use super::standing::Placed;
use crate::view::text::one_line;

/// The answer, for programs.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    pub id: String,
    pub namespace: String,
    pub title: String,
    /// READY, as the mirror computed it.
    pub ready: bool,
    /// The Rig that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rig: Option<String>,
    /// One word of a closed list.
    pub state: &'static str,
    /// What exactly, for people.
    pub detail: String,
    /// Every attempt, oldest first.
    pub attempts: Vec<Try>,
}

/// An attempt.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Try {
    pub polecat: String,
    pub attempt: u32,
    pub phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
}

#[must_use]
pub fn why(placed: &Placed<'_>) -> Why {
    let bead = placed.bead();
    let attempt = |polecat: &&beadlet_store::kinds::Polecat| Try {
        polecat: polecat.name_any(),
        attempt: polecat.number(),
        phase: polecat.phase().as_str(),
        failure: polecat.failure().map(|class| class.as_str()),
    };
    Why {
        id: bead.key.id.clone(),
        namespace: bead.key.namespace.clone(),
        title: bead.title.clone(),
        ready: bead.ready,
        rig: placed.rig.map(ResourceExt::name_any),
        state: placed.standing.word(),
        detail: placed.standing.detail(),
        attempts: placed.attempts.iter().map(attempt).collect(),
    }
}

/// The answer for people, with the attempts as a table.
#[must_use]
pub fn text(placed: &Placed<'_>, look: Look, now: Timestamp) -> String {
    let why = why(placed);
    let mut text = format!("{}: {}\n", why.id, one_line(&why.title));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  ready   {}", if why.ready { "yes" } else { "no" });
    let _ = writeln!(text, "  rig     {}", why.rig.as_deref().unwrap_or("<none>"));
    let _ = writeln!(text, "  state   {}", why.state);
    if !why.detail.is_empty() {
        let _ = writeln!(text, "  why     {}", one_line(&why.detail));
    }
    text + &attempts(placed, look, now)
}

/// The attempts as a table after an empty line; nothing where there are none.
#[must_use]
pub fn attempts(placed: &Placed<'_>, look: Look, now: Timestamp) -> String {
    if placed.attempts.is_empty() {
        return String::new();
    }
    format!("\n{}", look.table(&polecats(&placed.attempts, now)))
}
