//! What a pass means for the conditions.

use beadlet_store::cluster::{Fault, FaultReason};
use jiff::Timestamp;

use crate::condition::{ConditionType, Conditions, Reason};
use crate::git;
use crate::report::{Bounded, ObjectFailure};

/// How a pass ended, as far as a person is concerned.
#[derive(Debug)]
pub enum End<'a> {
    /// The cluster shows the newest commit.
    Good {
        commit: String,
        issues: usize,
    },
    /// The newest revision waits for a person.
    Held {
        reason: Reason,
        message: &'a str,
    },
    /// The repository could not be read.
    Source {
        reason: git::Reason,
        message: String,
        transient: bool,
    },
    /// The cluster could not be read, or took no more writes; `left` were not tried.
    Cluster {
        fault: &'a Fault,
        left: usize,
    },
    /// Some objects could not be written.
    Objects(&'a Bounded<ObjectFailure>),
    /// So many objects of ours are deleted, but not gone yet.
    Terminating(usize),
    Suspended,
    /// The pass itself broke.
    Broken {
        message: String,
    },
}

/// Who has to do something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Nobody,
    /// It is tried again.
    Mirror,
    Person,
}

/// Sets `Ready`, `Reconciling`, `Stalled` and `DeletionsHeld`.
pub fn conclude(conditions: &mut Conditions, end: &End<'_>, now: Timestamp) {
    let (turn, reason, message) = judge(end);
    let mut set = |type_, status, text: &str| conditions.set(type_, status, reason, text, now);
    set(
        ConditionType::Ready,
        turn == Turn::Nobody && !matches!(end, End::Suspended),
        &message,
    );
    set(ConditionType::Reconciling, turn == Turn::Mirror, &message);
    set(ConditionType::Stalled, turn == Turn::Person, &message);
    let held = matches!(reason, Reason::TooManyDeletions | Reason::EmptyFile);
    set(
        ConditionType::DeletionsHeld,
        held,
        if held {
            &message
        } else {
            "no deletion is held back"
        },
    );
}

/// Sets `LinesRejected`, going by the newest revision.
pub fn lines(
    conditions: &mut Conditions,
    rejected: usize,
    first: Option<(usize, &str)>,
    now: Timestamp,
) {
    let message = match first {
        Some((line, text)) => {
            format!("{rejected} lines cannot be read; the first is line {line}: {text}")
        }
        None => "all lines can be read".to_owned(),
    };
    let reason = if rejected > 0 {
        Reason::LinesRejected
    } else {
        Reason::Synced
    };
    conditions.set(
        ConditionType::LinesRejected,
        rejected > 0,
        reason,
        message,
        now,
    );
}

/// Sets `NamesTaken`.
pub fn names(conditions: &mut Conditions, foreign: &Bounded<String>, now: Timestamp) {
    let taken = !foreign.is_empty();
    let message = match foreign.first.first() {
        Some(name) => format!(
            "{} ConfigMaps that beadlet did not make have names that issues need, {name} for one; rename or delete them",
            foreign.total
        ),
        None => "no name is taken".to_owned(),
    };
    let reason = if taken {
        Reason::NameTaken
    } else {
        Reason::Synced
    };
    conditions.set(ConditionType::NamesTaken, taken, reason, message, now);
}

fn judge(end: &End<'_>) -> (Turn, Reason, String) {
    match end {
        End::Good { commit, issues } => {
            let message = format!("commit {commit:.12} is mirrored, {issues} issues");
            (Turn::Nobody, Reason::Synced, message)
        }
        End::Held { reason, message } => (Turn::Person, *reason, (*message).to_owned()),
        End::Source {
            reason,
            message,
            transient,
        } => {
            let turn = if *transient {
                Turn::Mirror
            } else {
                Turn::Person
            };
            (turn, Reason::Source(*reason), message.clone())
        }
        End::Cluster { fault, left } => {
            let waits = if *left > 0 {
                format!("; {left} writes wait")
            } else {
                String::new()
            };
            (
                turn_after(fault),
                Reason::Cluster(fault.reason()),
                format!("{fault}{waits}"),
            )
        }
        End::Objects(failures) => (
            Turn::Mirror,
            Reason::ObjectsFailed,
            objects_message(failures),
        ),
        End::Terminating(count) => {
            let message = format!(
                "{count} ConfigMaps are being deleted and are made again when they are gone; a finalizer keeps them"
            );
            (Turn::Mirror, Reason::ObjectsTerminating, message)
        }
        End::Suspended => {
            let message = "suspended: nothing is read and nothing is written".to_owned();
            (Turn::Nobody, Reason::Suspended, message)
        }
        End::Broken { message } => (Turn::Mirror, Reason::Internal, message.clone()),
    }
}

/// Whether a fault of the cluster passes by itself.
fn turn_after(fault: &Fault) -> Turn {
    match fault.reason() {
        FaultReason::NamespaceMissing
        | FaultReason::NamespaceTerminating
        | FaultReason::Forbidden
        | FaultReason::Unauthorized
        | FaultReason::QuotaExceeded => Turn::Person,
        FaultReason::AlreadyExists
        | FaultReason::Conflict
        | FaultReason::NotFound
        | FaultReason::Expired
        | FaultReason::ObjectRefused
        | FaultReason::Throttled
        | FaultReason::ServerError
        | FaultReason::Unreachable
        | FaultReason::MalformedAnswer => Turn::Mirror,
    }
}

fn objects_message(failures: &Bounded<ObjectFailure>) -> String {
    let first = failures
        .first
        .first()
        .map(|f| format!("; {}: {}", f.name, f.message));
    format!(
        "{} ConfigMaps could not be written{}",
        failures.total,
        first.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConditionType::{DeletionsHeld, Ready, Reconciling, Stalled};

    fn check(end: &End<'_>, expected: &[ConditionType]) {
        let mut conditions = Conditions::default();
        conclude(&mut conditions, end, Timestamp::UNIX_EPOCH);
        let found: Vec<_> = conditions
            .iter()
            .filter(|c| c.status)
            .map(|c| c.type_)
            .collect();
        assert_eq!(found, expected, "{end:?}");
    }

    #[test]
    fn each_end_says_whose_turn_it_is() {
        let commit = || "0123456789abcdef".to_owned();
        check(
            &End::Good {
                commit: commit(),
                issues: 3,
            },
            &[Ready],
        );
        check(&End::Suspended, &[]);
        check(
            &End::Held {
                reason: Reason::ConflictMarkers,
                message: "",
            },
            &[Stalled],
        );
        check(
            &End::Held {
                reason: Reason::TooManyDeletions,
                message: "",
            },
            &[Stalled, DeletionsHeld],
        );
        check(
            &End::Cluster {
                fault: &Fault::Throttled { after: None },
                left: 1,
            },
            &[Reconciling],
        );
        let quota = Fault::QuotaExceeded {
            message: "q".into(),
        };
        check(
            &End::Cluster {
                fault: &quota,
                left: 1,
            },
            &[Stalled],
        );
        check(&End::Terminating(1), &[Reconciling]);
        check(
            &End::Broken {
                message: String::new(),
            },
            &[Reconciling],
        );
    }

    #[test]
    fn the_first_object_that_failed_is_named() {
        let failure = ObjectFailure {
            name: "bead-gt-1".into(),
            message: "too large".into(),
        };
        let failures: Bounded<_> = [failure].into_iter().collect();
        let (_, _, message) = judge(&End::Objects(&failures));
        assert_eq!(
            message,
            "1 ConfigMaps could not be written; bead-gt-1: too large"
        );
    }
}
