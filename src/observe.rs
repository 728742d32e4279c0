//! What of a mirror's reports is worth a line in the log.

use beadlet_sync::condition::{ConditionType, Conditions, Reason, Transition};
use beadlet_sync::report::{Outcome, Pass, Report};
use tokio::sync::watch;

/// How loud a line is. error: a person must act. warn: it will be tried again. info: something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Loudness {
    Info,
    Warn,
    Error,
}

/// Logs every report until the mirror has ended: each change of a condition once, and each pass that changed something.
pub async fn follow(mut reports: watch::Receiver<Report>) {
    let mut before = Report::default();
    loop {
        let now = reports.borrow_and_update().clone();
        log(&before, &now);
        before = now;
        if reports.changed().await.is_err() {
            return;
        }
    }
}

/// Logs what is new in a report.
pub fn log(before: &Report, now: &Report) {
    if let Some(pass) = now.last_pass.filter(|pass| before.last_pass != Some(*pass)) {
        log_pass(&pass, now);
    }
    for (loudness, transition) in lines(&before.conditions, &now.conditions) {
        log_transition(loudness, &transition);
    }
}

/// The changes of conditions, each reason and message once and at its loudest.
fn lines(before: &Conditions, now: &Conditions) -> Vec<(Loudness, Transition)> {
    let is_stalled = now.is_true(ConditionType::Stalled);
    let mut lines: Vec<(Loudness, Transition)> = Vec::new();
    for transition in now.transitions_from(before) {
        let loud = loudness(&transition, is_stalled);
        let same = lines.iter_mut().find(|(_, told)| {
            told.reason == transition.reason && told.message == transition.message
        });
        match same {
            Some(line) => line.0 = line.0.max(loud),
            None => lines.push((loud, transition)),
        }
    }
    lines
}

fn loudness(transition: &Transition, is_stalled: bool) -> Loudness {
    if matches!(transition.reason, Reason::Starting | Reason::Suspended) {
        return Loudness::Info;
    }
    match (transition.type_, transition.status) {
        (ConditionType::Ready, true) => Loudness::Info,
        (ConditionType::Ready, false) if is_stalled => Loudness::Error,
        (ConditionType::Ready, false) | (ConditionType::Reconciling, true) => Loudness::Warn,
        (_, true) => Loudness::Error,
        (_, false) => Loudness::Info,
    }
}

fn log_transition(loudness: Loudness, transition: &Transition) {
    let Transition {
        type_,
        status,
        reason,
        message,
    } = transition;
    let (condition, reason) = (type_.as_str(), reason.as_str());
    match loudness {
        Loudness::Info => {
            tracing::info!(condition, status, reason, detail = %message, "condition changed")
        }
        Loudness::Warn => {
            tracing::warn!(condition, status, reason, detail = %message, "condition changed")
        }
        Loudness::Error => {
            tracing::error!(condition, status, reason, detail = %message, "condition changed")
        }
    }
}

fn log_pass(pass: &Pass, report: &Report) {
    let commit = report
        .revision
        .as_ref()
        .map(|revision| revision.commit.to_string())
        .unwrap_or_default();
    let writes = pass.writes;
    let duration_ms = u64::try_from(pass.duration.as_millis()).unwrap_or(u64::MAX);
    match pass.outcome {
        Outcome::Unchanged => tracing::debug!(
            commit,
            unchanged = pass.unchanged,
            duration_ms,
            "pass ended"
        ),
        Outcome::Changed | Outcome::Failed => tracing::info!(
            commit,
            outcome = pass.outcome.as_str(),
            created = writes.created,
            updated = writes.updated,
            deleted = writes.deleted,
            failed = writes.failed,
            unchanged = pass.unchanged,
            duration_ms,
            "pass ended"
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn conditions(changes: &[(ConditionType, bool, Reason, &str)]) -> Conditions {
        let mut conditions = Conditions::default();
        for (type_, status, reason, message) in changes {
            conditions.set(*type_, *status, *reason, *message, Timestamp::UNIX_EPOCH);
        }
        conditions
    }

    #[track_caller]
    fn check(changes: &[(ConditionType, bool, Reason, &str)], expected: &[Loudness]) {
        let told = lines(&Conditions::default(), &conditions(changes));
        assert_eq!(
            told.iter()
                .map(|(loudness, _)| *loudness)
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn what_waits_for_a_person_is_an_error() {
        use ConditionType::{DeletionsHeld, Ready, Stalled};
        let held = (DeletionsHeld, true, Reason::TooManyDeletions, "30 of 40");
        check(&[held], &[Loudness::Error]);
        let refused = "merge conflict markers on lines 3";
        check(
            &[
                (Ready, false, Reason::ConflictMarkers, refused),
                (Stalled, true, Reason::ConflictMarkers, refused),
            ],
            &[Loudness::Error],
        );
    }

    #[test]
    fn what_is_tried_again_is_a_warning_and_said_once() {
        use ConditionType::{Ready, Reconciling};
        let failed = (Reason::ObjectsFailed, "2 of 9");
        check(
            &[
                (Ready, false, failed.0, failed.1),
                (Reconciling, true, failed.0, failed.1),
            ],
            &[Loudness::Warn],
        );
    }

    #[test]
    fn what_is_well_is_information() {
        check(
            &[(ConditionType::Ready, true, Reason::Synced, "")],
            &[Loudness::Info],
        );
        check(
            &[(ConditionType::Ready, false, Reason::Starting, "")],
            &[Loudness::Info],
        );
    }
}
