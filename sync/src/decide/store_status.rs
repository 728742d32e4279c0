//! What a BeadStore's status says.

use beadlet_store::kinds::{
    BeadStore, BeadStorePhase, BeadStoreStatus, DurationText, RejectedLine, WriteBackStatus,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;

use super::beadstore::Wrong;
use crate::condition::{self, ConditionType, Reason};
use crate::decide::writeback::Written;
use crate::report::{Outcome, Report};

/// Lines that are named in a status.
const LINES: usize = 20;

/// What a status is made from, beside the one before.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    pub report: &'a Report,
    /// The generation of the spec that the report is about.
    pub generation: Option<i64>,
    /// The last request to sync now that was carried out.
    pub handled_request: Option<&'a str>,
    /// How it stands with what is written back; `None` where nothing is.
    pub written: Option<Written>,
    /// Why no webhook is believed, where one is awaited; `None` where none is.
    pub webhook: Option<Result<(), &'a Wrong>>,
}

/// The status that a report makes of the one before. What says nothing new (a pass that found nothing to do) changes nothing.
#[must_use]
pub fn status(store: &BeadStore, seen: &Seen<'_>, now: Timestamp) -> BeadStoreStatus {
    let Seen {
        report,
        generation,
        handled_request,
        written,
        webhook,
    } = seen;
    let generation = *generation;
    let mut status = store.status.clone().unwrap_or_default();
    status.observed_generation = generation;
    status.phase = Some(phase(report));
    status.last_handled_sync_request = handled_request
        .map(ToOwned::to_owned)
        .or(status.last_handled_sync_request);
    status.conditions = report
        .conditions
        .iter()
        .map(|condition| shown(condition, generation))
        .collect();
    if let Some(revision) = &report.revision {
        let is_new = status.commit.as_deref() != Some(&revision.commit.to_string());
        status.commit = Some(revision.commit.to_string());
        status.commit_time = Some(time(revision.committed_at));
        status.branch = Some(revision.branch.clone());
        status.path = Some(revision.path.clone());
        let pass = report
            .last_pass
            .filter(|pass| pass.outcome != Outcome::Failed);
        if let Some(pass) = pass.filter(|pass| {
            is_new || pass.outcome == Outcome::Changed || status.last_sync_time.is_none()
        }) {
            status.last_sync_time = Some(time(pass.ended_at));
            status.lag = Some(DurationText(format!("{}ms", pass.duration.as_millis())));
        }
        status.issue_count = number(report.mirrored);
        status.ready_count = number(report.contents.ready);
        status.counts = report
            .contents
            .by_status
            .iter()
            .map(|(name, count)| (name.clone(), number(*count).unwrap_or(0)))
            .collect();
    }
    status.rejected_count = number(report.rejected.total);
    status.rejected_lines = report
        .rejected
        .first
        .iter()
        .take(LINES)
        .map(|line| RejectedLine {
            line: number(line.line).unwrap_or(0),
            message: line.message.clone(),
        })
        .collect();
    if let Some(written) = written {
        say_written(&mut status, store, written, now);
    }
    if let Some(webhook) = webhook {
        say_webhook(&mut status, store, *webhook, now);
    }
    status
}

fn phase(report: &Report) -> BeadStorePhase {
    let ready = report.conditions.find(ConditionType::Ready);
    match ready {
        Some(ready) if ready.status => BeadStorePhase::Synced,
        None => BeadStorePhase::Pending,
        Some(ready) if matches!(ready.reason, Reason::Starting) => BeadStorePhase::Pending,
        Some(ready) if matches!(ready.reason, Reason::Suspended) => match report.revision {
            Some(_) => BeadStorePhase::Synced,
            None => BeadStorePhase::Pending,
        },
        Some(_) => BeadStorePhase::Error,
    }
}

fn shown(condition: &condition::Condition, generation: Option<i64>) -> Condition {
    Condition {
        type_: condition.type_.as_str().to_owned(),
        status: if condition.status { "True" } else { "False" }.to_owned(),
        reason: condition.reason.as_str().to_owned(),
        message: condition.message.clone(),
        observed_generation: generation,
        last_transition_time: time(condition.since),
    }
}

/// Adds how it stands with what is written back.
fn say_written(status: &mut BeadStoreStatus, store: &BeadStore, written: &Written, now: Timestamp) {
    if let Some(last) = &written.last {
        status.write_back = Some(WriteBackStatus {
            commit: last.id.to_string(),
            time: Some(time(last.at)),
        });
    }
    let (is_true, reason, message) = match &written.trouble {
        None => {
            let last = written.last.as_ref().map(|last| last.subject.clone());
            let nothing = || "nothing had to be written so far".to_owned();
            (true, "Written", last.unwrap_or_else(nothing))
        }
        Some(trouble) => (false, trouble.reason, trouble.message.clone()),
    };
    let told = (WRITTEN_BACK, is_true, reason, message);
    status.conditions.push(condition(status, store, told, now));
}

/// Adds whether a webhook would be believed.
fn say_webhook(
    status: &mut BeadStoreStatus,
    store: &BeadStore,
    webhook: Result<(), &Wrong>,
    now: Timestamp,
) {
    let (namespace, name) = (store.namespace().unwrap_or_default(), store.name_any());
    let (is_true, reason, message) = match webhook {
        Ok(()) => {
            let path = format!("signed calls to /webhook/{namespace}/{name} are believed");
            (true, "Awaited", path)
        }
        Err(wrong) => (false, wrong.reason(), wrong.to_string()),
    };
    let told = (WEBHOOK_READY, is_true, reason, message);
    status.conditions.push(condition(status, store, told, now));
}

/// A condition that no pass of the mirror is about: type, whether it is true, reason and message.
fn condition(
    status: &BeadStoreStatus,
    store: &BeadStore,
    (type_, is_true, reason, message): (&str, bool, &str, String),
    now: Timestamp,
) -> Condition {
    let value = if is_true { "True" } else { "False" };
    Condition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: status.observed_generation,
        last_transition_time: since(store, type_, value, now),
    }
}

/// The condition that says whether git says what the Polecats did.
const WRITTEN_BACK: &str = "WrittenBack";
/// The condition that says whether a webhook would be believed.
const WEBHOOK_READY: &str = "WebhookReady";

/// The status of a BeadStore that cannot be mirrored as it is. What was mirrored before stays.
#[must_use]
pub fn wrong(store: &BeadStore, wrong: &Wrong, now: Timestamp) -> BeadStoreStatus {
    let mut status = store.status.clone().unwrap_or_default();
    status.observed_generation = store.metadata.generation;
    status.phase = Some(BeadStorePhase::Error);
    for (type_, is_true) in [("Ready", false), ("Reconciling", false), ("Stalled", true)] {
        let before = status
            .conditions
            .iter()
            .position(|condition| condition.type_ == type_);
        let told = (type_, is_true, wrong.reason(), wrong.to_string());
        let condition = condition(&status, store, told, now);
        match before {
            Some(at) => status.conditions[at] = condition,
            None => status.conditions.push(condition),
        }
    }
    status
}

/// Since when a condition has this value: as the status says, or from now on.
fn since(store: &BeadStore, type_: &str, value: &str, now: Timestamp) -> Time {
    let mut known = store.status.iter().flat_map(|status| &status.conditions);
    known
        .find(|known| known.type_ == type_ && known.status == value)
        .map_or_else(|| time(now), |known| known.last_transition_time.clone())
}

/// The API server keeps whole seconds; anything finer would differ from what it gives back.
fn time(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

fn number(n: usize) -> Option<i64> {
    i64::try_from(n).ok()
}
