//! The report of a mirror as JSON, with the field names of a BeadStore's status.

use std::collections::BTreeMap;

use beadlet_sync::condition::Condition;
use beadlet_sync::report::{Bounded, Pass, Report, Writes};
use jiff::Timestamp;
use serde::Serialize;

/// What `/status` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status<'a> {
    ready: bool,
    watching: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<Revision<'a>>,
    issues: usize,
    issues_by_status: &'a BTreeMap<String, usize>,
    ready_issues: usize,
    retired_issues: usize,
    duplicate_rows: usize,
    skipped_lines: usize,
    config_maps: usize,
    rejected_lines: Few<Line<'a>>,
    warnings: Few<Line<'a>>,
    foreign_names: Few<&'a str>,
    failures: Few<Failure<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_pass: Option<LastPass>,
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_change: Option<Timestamp>,
    conditions: Vec<ConditionView<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Revision<'a> {
    commit: String,
    committed_at: Timestamp,
    branch: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dolt_commit: Option<&'a str>,
}

/// The first few of many.
#[derive(Debug, Serialize)]
struct Few<T> {
    total: usize,
    first: Vec<T>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct Failure<'a> {
    name: &'a str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastPass {
    outcome: &'static str,
    ended_at: Timestamp,
    duration_seconds: f64,
    created: usize,
    updated: usize,
    deleted: usize,
    failed: usize,
    unchanged: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    changed_passes: u64,
    unchanged_passes: u64,
    failed_passes: u64,
    created: usize,
    updated: usize,
    deleted: usize,
    failed: usize,
    repaired: u64,
    watch_restarts: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionView<'a> {
    #[serde(rename = "type")]
    type_: &'static str,
    status: &'static str,
    reason: &'static str,
    message: &'a str,
    last_transition_time: Timestamp,
}

impl<'a> From<&'a Report> for Status<'a> {
    fn from(report: &'a Report) -> Self {
        let contents = &report.contents;
        Self {
            ready: report.first_good_pass,
            watching: report.watching,
            revision: report.revision.as_ref().map(Into::into),
            issues: contents.issues,
            issues_by_status: &contents.by_status,
            ready_issues: contents.ready,
            retired_issues: contents.retired,
            duplicate_rows: contents.duplicates,
            skipped_lines: contents.skipped,
            config_maps: report.mirrored,
            rejected_lines: few(&report.rejected, |line| Line {
                line: line.line,
                id: line.id.as_ref().map(beadlet_store::issue::IssueId::as_str),
                message: &line.message,
            }),
            warnings: few(&report.warnings, |line| Line {
                line: line.line,
                id: None,
                message: &line.message,
            }),
            foreign_names: few(&report.foreign, String::as_str),
            failures: few(&report.failures, |failure| Failure {
                name: &failure.name,
                message: &failure.message,
            }),
            last_pass: report.last_pass.as_ref().map(last_pass),
            totals: totals(report),
            behind_since: report.behind_since,
            next_change: report.next_change,
            conditions: report.conditions.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a beadlet_sync::report::Revision> for Revision<'a> {
    fn from(revision: &'a beadlet_sync::report::Revision) -> Self {
        Self {
            commit: revision.commit.to_string(),
            committed_at: revision.committed_at,
            branch: &revision.branch,
            path: &revision.path,
            dolt_commit: revision.dolt_commit.as_deref(),
        }
    }
}

impl<'a> From<&'a Condition> for ConditionView<'a> {
    fn from(condition: &'a Condition) -> Self {
        Self {
            type_: condition.type_.as_str(),
            status: if condition.status { "True" } else { "False" },
            reason: condition.reason.as_str(),
            message: &condition.message,
            last_transition_time: condition.since,
        }
    }
}

fn few<'a, T, U>(bounded: &'a Bounded<T>, view: impl Fn(&'a T) -> U) -> Few<U> {
    Few {
        total: bounded.total,
        first: bounded.first.iter().map(view).collect(),
    }
}

fn last_pass(pass: &Pass) -> LastPass {
    let Writes {
        created,
        updated,
        deleted,
        failed,
    } = pass.writes;
    LastPass {
        outcome: pass.outcome.as_str(),
        ended_at: pass.ended_at,
        duration_seconds: pass.duration.as_secs_f64(),
        created,
        updated,
        deleted,
        failed,
        unchanged: pass.unchanged,
    }
}

fn totals(report: &Report) -> Totals {
    let Writes {
        created,
        updated,
        deleted,
        failed,
    } = report.totals.writes;
    Totals {
        changed_passes: report.totals.changed,
        unchanged_passes: report.totals.unchanged,
        failed_passes: report.totals.failed,
        created,
        updated,
        deleted,
        failed,
        repaired: report.totals.repaired,
        watch_restarts: report.totals.watch_restarts,
    }
}

/// Why there was no good pass yet, in one line.
#[must_use]
pub fn not_ready(report: &Report) -> String {
    use beadlet_sync::condition::ConditionType::Ready;
    match report.conditions.find(Ready) {
        Some(condition) => format!(
            "no good pass yet: {}: {}\n",
            condition.reason.as_str(),
            condition.message
        ),
        None => "no good pass yet: the first one has not ended\n".to_owned(),
    }
}
