//! Why an issue is not ready, for people and for programs.

use std::fmt::Write as _;

use beadlet_store::issue::Issue;
use beadlet_store::kinds::Dispatch;
use beadlet_store::ready::dispatch_order;
use serde::Serialize;

use crate::board::Board;
use crate::dispatch::objections;
use crate::reasons::reasons;

use super::paint::{Paint, Tone};
use super::text::one_line;

/// Deeper reasons are not moved further to the right than this.
const DEEPEST_INDENT: usize = 20;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub id: String,
    pub title: String,
    pub status: String,
    pub ready: bool,
    /// From 1, in the tracker's order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// From 1, in the order in which agents are started: priority, then age, then id; among all that agents may work on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch_place: Option<usize>,
    /// How many issues are ready.
    pub ready_issues: usize,
    /// By the rules of a Rig that says nothing else.
    pub dispatchable: bool,
    pub dispatch_objections: Vec<String>,
    pub reasons: Vec<Told>,
}

/// One reason of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// 0 for a reason of the issue itself, 1 for one of an issue that it waits for, and so on.
    pub depth: usize,
    /// Whose reason it is.
    pub of: String,
    pub reason: String,
    /// The issue that the reason names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Named>,
}

/// An issue that a reason names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    pub id: String,
    pub title: String,
    pub status: String,
    pub ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    pub told_above: bool,
}

/// Answers for the issue at `index`.
#[must_use]
pub fn answer(board: &Board<'_>, index: usize, issue: &Issue<'_>) -> Answer {
    let place = board.position(index);
    let rules = Dispatch::default();
    let objections = objections(issue, &rules);
    let dispatchable = place.is_some() && objections.is_empty();
    Answer {
        id: issue.id.to_string(),
        title: issue.title.to_string(),
        status: issue.status.to_string(),
        ready: place.is_some(),
        place,
        dispatch_place: dispatchable
            .then(|| dispatch_place(board, index, &rules))
            .flatten(),
        ready_issues: board.readiness.ready.len(),
        dispatchable,
        dispatch_objections: objections,
        reasons: told(board, index),
    }
}

fn dispatch_place(board: &Board<'_>, index: usize, rules: &Dispatch) -> Option<usize> {
    let is_dispatchable = |at: &usize| {
        board
            .reading
            .issues
            .get(*at)
            .is_some_and(|issue| objections(issue, rules).is_empty())
    };
    let ready: Vec<usize> = board
        .readiness
        .ready
        .iter()
        .copied()
        .filter(is_dispatchable)
        .collect();
    dispatch_order(board.reading, &ready)
        .iter()
        .position(|at| *at == index)
        .map(|place| place + 1)
}

fn told(board: &Board<'_>, index: usize) -> Vec<Told> {
    let issue = |at: usize| board.reading.issues.get(at);
    let named = |at: usize, told_above| {
        let issue = issue(at)?;
        Some(Named {
            id: issue.id.to_string(),
            title: issue.title.to_string(),
            status: issue.status.to_string(),
            ready: board.blockers(at).is_empty(),
            assignee: issue
                .assignee
                .as_deref()
                .filter(|assignee| !assignee.is_empty())
                .map(str::to_owned),
            told_above,
        })
    };
    let tell = |reason: crate::reasons::Reason<'_>| Told {
        depth: reason.depth,
        of: issue(reason.of)
            .map(|issue| issue.id.to_string())
            .unwrap_or_default(),
        reason: reason.blocker.to_string(),
        names: reason.names.and_then(|at| named(at, reason.told_above)),
    };
    reasons(board, index).into_iter().map(tell).collect()
}

/// The answer as lines.
#[must_use]
pub fn text(answer: &Answer, paint: Paint) -> String {
    let mut out = String::new();
    let id = one_line(&answer.id);
    let verdict = match answer.place {
        Some(place) => paint.paint(
            Tone::Good,
            &format!("{id} is ready: place {place} of {}", answer.ready_issues),
        ),
        None => paint.paint(Tone::Bad, &format!("{id} is not ready")),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{verdict}  {}", one_line(&answer.title));
    for reason in &answer.reasons {
        let indent = "  ".repeat((reason.depth + 1).min(DEEPEST_INDENT));
        let _ = writeln!(
            out,
            "{indent}{}{}",
            one_line(&reason.reason),
            named_text(reason.names.as_ref())
        );
    }
    out.push_str(&dispatch_text(answer));
    out
}

fn named_text(named: Option<&Named>) -> String {
    let Some(named) = named else {
        return String::new();
    };
    let assignee = named
        .assignee
        .as_ref()
        .map(|assignee| format!(", assigned to {}", one_line(assignee)))
        .unwrap_or_default();
    let state = if named.ready {
        "ready".to_owned()
    } else {
        named.status.clone()
    };
    let above = if named.told_above && !named.ready {
        ", see above"
    } else {
        ""
    };
    format!(
        ": {} ({}{assignee}{above})",
        one_line(&named.title),
        one_line(&state)
    )
}

fn dispatch_text(answer: &Answer) -> String {
    match (
        answer.dispatch_place,
        answer.ready,
        &answer.dispatch_objections[..],
    ) {
        (Some(place), _, _) => {
            format!("an agent may be started for it: place {place} by priority, age and id\n")
        }
        (None, true, objections) => format!(
            "no agent is started for it: {}\n",
            one_line(&objections.join("; "))
        ),
        (None, false, []) => String::new(),
        (None, false, objections) => format!(
            "no agent would be started for it either: {}\n",
            one_line(&objections.join("; "))
        ),
    }
}

/// The ids that the chain names, one a line, each once, in the order of the chain.
#[must_use]
pub fn names(answer: &Answer) -> String {
    let named = answer
        .reasons
        .iter()
        .filter_map(|reason| reason.names.as_ref());
    named
        .filter(|named| !named.told_above)
        .map(|named| format!("{}\n", named.id))
        .collect()
}
