//! What is wrong in an issue file, line by line. Values in, values out.

mod cycle;
mod edge;
mod graph;

use std::collections::{HashMap, HashSet};

use beadlet_store::issue::IssueId;
use beadlet_store::reader::{Reading, Refusal, RejectReason};
use beadlet_store::tracker::TrackerConfig;
use serde::Serialize;

/// What is wrong in a file, and how much was read of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    pub issues: usize,
    pub deleted: usize,
    /// Lines that are records of another kind.
    pub skipped: usize,
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// 1-based; none where it concerns the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub severity: Severity,
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub message: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The tracker refuses the file.
    Error,
    /// The file is read, but something in it does not mean what its author thinks.
    Warning,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    ConflictMarkers,
    LfsPointer,
    NotJson,
    Truncated,
    NotAnObject,
    NoId,
    WrongType,
    TooLong,
    Odd,
    Duplicate,
    UnknownWord,
    MissingTarget,
    DanglingEdge,
    Cycle,
    Configuration,
}

impl Kind {
    /// The name in tables, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConflictMarkers => "conflict-markers",
            Self::LfsPointer => "lfs-pointer",
            Self::NotJson => "not-json",
            Self::Truncated => "truncated",
            Self::NotAnObject => "not-an-object",
            Self::NoId => "no-id",
            Self::WrongType => "wrong-type",
            Self::TooLong => "too-long",
            Self::Odd => "odd",
            Self::Duplicate => "duplicate",
            Self::UnknownWord => "unknown-word",
            Self::MissingTarget => "missing-target",
            Self::DanglingEdge => "dangling-edge",
            Self::Cycle => "cycle",
            Self::Configuration => "configuration",
        }
    }
}

/// What is wrong in a file that was read, and with the configuration beside it, in the order of its lines; what concerns no single line comes last.
#[must_use]
pub fn findings(
    reading: &Reading<'_>,
    tracker: &TrackerConfig,
    tracker_problem: Option<&str>,
) -> Findings {
    let places = places(reading);
    let deleted: HashSet<&str> = reading.deleted.iter().map(IssueId::as_str).collect();
    let mut problems = rejected(reading);
    problems.extend(
        reading
            .warnings
            .iter()
            .map(|warning| odd(warning.line, Kind::Odd, warning.message.clone())),
    );
    let words = tracker.unknown_words(reading);
    problems.extend(
        words
            .into_iter()
            .map(|warning| odd(warning.line, Kind::UnknownWord, warning.message)),
    );
    problems.extend(
        reading
            .issues
            .iter()
            .flat_map(|issue| edge::edges(issue, &places, &deleted)),
    );
    problems.extend(cycle::cycles(reading, &places));
    problems.extend(duplicates(reading));
    problems.extend(tracker_problem.map(configuration));
    problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
    Findings {
        issues: reading.issues.len(),
        deleted: reading.deleted.len(),
        skipped: reading.skipped,
        problems,
    }
}

/// What is wrong in a file that is refused as a whole.
#[must_use]
pub fn refused(refusal: &Refusal) -> Findings {
    let whole = |kind| {
        vec![Problem {
            line: None,
            severity: Severity::Error,
            kind,
            id: None,
            message: refusal.to_string(),
        }]
    };
    let problems = match refusal {
        Refusal::ConflictMarkers { lines } => {
            lines.iter().map(|line| conflict_marker(*line)).collect()
        }
        Refusal::LfsPointer => whole(Kind::LfsPointer),
    };
    Findings {
        problems,
        ..Findings::default()
    }
}

fn conflict_marker(line: usize) -> Problem {
    Problem {
        line: Some(line),
        severity: Severity::Error,
        kind: Kind::ConflictMarkers,
        id: None,
        message: "merge conflict marker; resolve the merge and commit again".to_owned(),
    }
}

fn odd(line: usize, kind: Kind, message: String) -> Problem {
    Problem {
        line: Some(line),
        severity: Severity::Warning,
        kind,
        id: None,
        message,
    }
}

fn rejected(reading: &Reading<'_>) -> Vec<Problem> {
    let problem = |line: &beadlet_store::reader::Rejected| Problem {
        line: Some(line.line),
        severity: Severity::Error,
        kind: rejected_kind(line.reason),
        id: line.id.as_ref().map(ToString::to_string),
        message: line.message.clone(),
    };
    reading.rejected.iter().map(problem).collect()
}

fn rejected_kind(reason: RejectReason) -> Kind {
    match reason {
        RejectReason::NotJson => Kind::NotJson,
        RejectReason::Truncated => Kind::Truncated,
        RejectReason::NotAnObject => Kind::NotAnObject,
        RejectReason::NoId => Kind::NoId,
        RejectReason::WrongType => Kind::WrongType,
        RejectReason::TooLong => Kind::TooLong,
    }
}

fn duplicates(reading: &Reading<'_>) -> impl Iterator<Item = Problem> {
    reading.duplicates.iter().map(|row| Problem {
        line: Some(row.line),
        severity: Severity::Warning,
        kind: Kind::Duplicate,
        id: Some(row.id.to_string()),
        message: "another line has the same id and is newer, so this one does not count".to_owned(),
    })
}

fn configuration(problem: &str) -> Problem {
    Problem {
        line: None,
        severity: Severity::Warning,
        kind: Kind::Configuration,
        id: None,
        message: problem.to_owned(),
    }
}

type Places<'a> = HashMap<&'a str, usize>;

fn places<'a>(reading: &'a Reading<'_>) -> Places<'a> {
    reading
        .issues
        .iter()
        .enumerate()
        .map(|(at, issue)| (issue.id.as_str(), at))
        .collect()
}
