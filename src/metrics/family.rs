//! The metrics of a report, as values. Values in, values out.

use beadlet_sync::condition::ConditionType;
use beadlet_sync::report::{Outcome, Report};
use jiff::Timestamp;

/// One metric with its values now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    /// Without the prefix, the unit, and the `_total` of a counter.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) label: Option<&'static str>,
    /// The value of the label, and the value.
    pub(super) samples: Vec<(&'static str, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Seconds,
}

/// All metrics of a report.
pub(super) fn families(report: &Report, now: Timestamp) -> Vec<Family> {
    let mut families = counters(report);
    families.extend(states(report));
    families.extend(contents(report));
    families.extend(instants(report, now));
    families
}

fn counters(report: &Report) -> Vec<Family> {
    let totals = &report.totals;
    let outcome = |outcome: Outcome, passes: u64| (outcome.as_str(), count(passes));
    vec![
        labelled(
            "passes",
            "passes since the start",
            Kind::Counter,
            "outcome",
            vec![
                outcome(Outcome::Changed, totals.changed),
                outcome(Outcome::Unchanged, totals.unchanged),
                outcome(Outcome::Failed, totals.failed),
            ],
        ),
        labelled(
            "writes",
            "writes since the start that the API server took, and those that failed",
            Kind::Counter,
            "kind",
            vec![
                ("created", size(totals.writes.created)),
                ("updated", size(totals.writes.updated)),
                ("deleted", size(totals.writes.deleted)),
                ("failed", size(totals.writes.failed)),
            ],
        ),
        plain(
            "repairs",
            "ConfigMaps that somebody else had changed and that were put right",
            Kind::Counter,
            Some(count(totals.repaired)),
        ),
        plain(
            "watch_restarts",
            "times the watch had to be opened again after a fault",
            Kind::Counter,
            Some(count(totals.watch_restarts)),
        ),
    ]
}

fn states(report: &Report) -> Vec<Family> {
    let conditions =
        ConditionType::ALL.map(|type_| (type_.as_str(), truth(report.conditions.is_true(type_))));
    vec![
        plain(
            "watching",
            "1 while changes that others make are seen at once",
            Kind::Gauge,
            Some(truth(report.watching)),
        ),
        plain(
            "first_good_pass",
            "1 after the first pass that ended well",
            Kind::Gauge,
            Some(truth(report.first_good_pass)),
        ),
        labelled(
            "condition",
            "1 while the condition is true",
            Kind::Gauge,
            "type",
            conditions.to_vec(),
        ),
        plain(
            "configmaps",
            "ConfigMaps of this mirror in the cluster",
            Kind::Gauge,
            Some(size(report.mirrored)),
        ),
        plain(
            "foreign_names",
            "names that we need and that objects of somebody else hold",
            Kind::Gauge,
            Some(size(report.foreign.total)),
        ),
        plain(
            "failed_objects",
            "objects that could not be written in the last pass",
            Kind::Gauge,
            Some(size(report.failures.total)),
        ),
    ]
}

fn contents(report: &Report) -> Vec<Family> {
    let contents = &report.contents;
    vec![
        labelled(
            "issues",
            "issues in the file",
            Kind::Gauge,
            "status",
            by_status(report),
        ),
        plain(
            "issues_ready",
            "issues that could start now",
            Kind::Gauge,
            Some(size(contents.ready)),
        ),
        plain(
            "issues_retired",
            "issues that are not mirrored, because they were closed too long ago",
            Kind::Gauge,
            Some(size(contents.retired)),
        ),
        plain(
            "duplicate_rows",
            "rows that lost against a newer row of the same id",
            Kind::Gauge,
            Some(size(contents.duplicates)),
        ),
        plain(
            "rejected_lines",
            "lines of the newest revision that could not be read",
            Kind::Gauge,
            Some(size(report.rejected.total)),
        ),
    ]
}

fn instants(report: &Report, now: Timestamp) -> Vec<Family> {
    let pass = report.last_pass.as_ref();
    let behind = report.behind_since.map_or(0.0, |since| {
        now.duration_since(since).as_secs_f64().max(0.0)
    });
    let committed = report
        .revision
        .as_ref()
        .map(|revision| seconds(revision.committed_at));
    vec![
        plain(
            "behind",
            "how long there has been a commit that the cluster does not show; 0 when there is none",
            Kind::Seconds,
            Some(behind),
        ),
        plain(
            "revision_timestamp",
            "when the mirrored commit was made",
            Kind::Seconds,
            committed,
        ),
        plain(
            "last_pass_duration",
            "how long the last pass took, from its trigger to the last answer",
            Kind::Seconds,
            pass.map(|pass| pass.duration.as_secs_f64()),
        ),
        plain(
            "last_pass_timestamp",
            "when the last pass ended",
            Kind::Seconds,
            pass.map(|pass| seconds(pass.ended_at)),
        ),
        plain(
            "next_change_timestamp",
            "when READY changes without a commit",
            Kind::Seconds,
            report.next_change.map(seconds),
        ),
    ]
}

/// The statuses of the tracker itself; a custom one counts as `other`, so that no file can make metrics without bound.
const STATUSES: [&str; 8] = [
    "open",
    "in_progress",
    "blocked",
    "deferred",
    "hooked",
    "pinned",
    "closed",
    "other",
];

pub(super) fn by_status(report: &Report) -> Vec<(&'static str, f64)> {
    let mut counts = STATUSES.map(|status| (status, 0.0));
    for (status, issues) in &report.contents.by_status {
        let place = STATUSES
            .iter()
            .position(|known| known == status)
            .unwrap_or(STATUSES.len() - 1);
        counts[place].1 += size(*issues);
    }
    counts.to_vec()
}

fn plain(name: &'static str, help: &'static str, kind: Kind, value: Option<f64>) -> Family {
    Family {
        name,
        help,
        kind,
        label: None,
        samples: value.map(|value| ("", value)).into_iter().collect(),
    }
}

fn labelled(
    name: &'static str,
    help: &'static str,
    kind: Kind,
    label: &'static str,
    samples: Vec<(&'static str, f64)>,
) -> Family {
    Family {
        name,
        help,
        kind,
        label: Some(label),
        samples,
    }
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// Exact up to 2^53, and no count comes near that.
#[expect(clippy::cast_precision_loss)]
fn count(value: u64) -> f64 {
    value as f64
}

fn size(value: usize) -> f64 {
    count(u64::try_from(value).unwrap_or(u64::MAX))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
