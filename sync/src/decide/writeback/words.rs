//! From Polecats to what they say of their beads.

use std::collections::BTreeMap;

use beadlet_store::claim::{assignee, assignees, attempt_number};
use beadlet_store::issue::IssueId;
use beadlet_store::kinds::{Polecat, PolecatPhase, PolecatResult, PolecatStatus};
use jiff::Timestamp;

use super::{Mode, Says, Word};

/// What the last attempt at each bead says, in the order of the ids.
#[must_use]
pub fn words<'a>(polecats: impl IntoIterator<Item = &'a Polecat>, mode: Mode) -> Vec<Word> {
    let mut by_bead: BTreeMap<&str, Vec<&Polecat>> = BTreeMap::new();
    for polecat in polecats {
        if let Some(bead) = polecat.spec.bead_id.as_deref() {
            by_bead.entry(bead).or_default().push(polecat);
        }
    }
    let said = by_bead
        .into_iter()
        .filter_map(|(bead, attempts)| word(bead, attempts, mode));
    said.collect()
}

fn word(bead: &str, mut attempts: Vec<&Polecat>, mode: Mode) -> Option<Word> {
    attempts.sort_by_key(|polecat| (started(polecat), attempt_number(polecat)));
    let own: Vec<String> = attempts
        .iter()
        .flat_map(|polecat| assignees(polecat))
        .collect();
    // One that was never started says nothing, and does not take the word from the one before it.
    let last = attempts
        .into_iter()
        .rfind(|polecat| started(polecat).is_some())?;
    let status = last.status.as_ref()?;
    let (says, at) = says(status, mode)?;
    Some(Word {
        bead: IssueId::new(bead)?,
        by: assignee(last),
        own,
        says,
        at,
    })
}

fn says(status: &PolecatStatus, mode: Mode) -> Option<(Says, Timestamp)> {
    let started = status.started_at.as_ref()?.0;
    let finished = status.finished_at.as_ref().map(|time| time.0);
    match status.phase.unwrap_or_default() {
        PolecatPhase::Idle | PolecatPhase::Queued => None,
        PolecatPhase::Working => mode.claims.then_some((Says::Working, started)),
        PolecatPhase::Done => {
            let reason = reason(status.result.as_ref());
            mode.closes.then_some((Says::Done { reason }, finished?))
        }
        PolecatPhase::Failed | PolecatPhase::Stuck | PolecatPhase::Terminated => {
            let why = why(status);
            Some((Says::GaveUp { why }, finished?))
        }
    }
}

/// Why a bead is closed, with what a person needs to find the work.
fn reason(result: Option<&PolecatResult>) -> String {
    let Some(result) = result else {
        return "Done".to_owned();
    };
    let mut reason = "Done".to_owned();
    if let Some(branch) = &result.branch {
        reason += &format!(": branch {branch}");
    }
    if let Some(commit) = &result.commit {
        reason += &format!(" at commit {commit}");
    }
    reason
}

fn why(status: &PolecatStatus) -> String {
    let phase = status.phase.unwrap_or_default();
    let class = status
        .failure_class
        .map_or_else(|| format!("{phase:?}"), |class| format!("{class:?}"));
    let message = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .map(|condition| condition.message.as_str())
        .filter(|message| !message.is_empty());
    match message {
        Some(message) => format!("{class}: {message}"),
        None => class,
    }
}

fn started(polecat: &Polecat) -> Option<Timestamp> {
    let status = polecat.status.as_ref()?;
    status.started_at.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use beadlet_store::keys::work;
    use serde_json::{Value, from_value, json};

    use super::*;

    const BOTH: Mode = Mode {
        claims: true,
        closes: true,
    };

    fn polecat(bead: &str, attempt: u32, status: &Value) -> Polecat {
        from_value(json!({
            "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat",
            "metadata": {"name": format!("{bead}-{attempt}"), "namespace": "town", "labels": {work::ATTEMPT: attempt.to_string()}},
            "spec": {"rig": "rig", "beadID": bead}, "status": status,
        }))
        .unwrap()
    }

    fn working() -> Value {
        json!({"phase": "Working", "startedAt": "2026-03-01T10:00:00Z"})
    }

    #[test]
    fn polecat_at_work_claims_under_its_name() {
        let said = words(&[polecat("gt-1", 1, &working())], BOTH);
        assert_eq!(
            (said[0].by.as_str(), &said[0].says),
            ("rig/polecats/gt-1-1", &Says::Working)
        );
        assert_eq!(said[0].own, ["rig/polecats/gt-1-1"]);
        let only_closes = Mode {
            claims: false,
            closes: true,
        };
        assert_eq!(words(&[polecat("gt-1", 1, &working())], only_closes), []);
    }

    #[test]
    fn done_work_names_branch_and_commit() {
        let status = json!({"phase": "Done", "startedAt": "2026-03-01T10:00:00Z", "finishedAt": "2026-03-01T10:05:00Z",
            "result": {"branch": "polecat/gt-1-1", "commit": "abc"}});
        let said = words(&[polecat("gt-1", 1, &status)], BOTH);
        let reason = "Done: branch polecat/gt-1-1 at commit abc".to_owned();
        assert_eq!(said[0].says, Says::Done { reason });
        let only_claims = Mode {
            claims: true,
            closes: false,
        };
        assert_eq!(words(&[polecat("gt-1", 1, &status)], only_claims), []);
    }

    #[test]
    fn last_started_attempt_has_the_word() {
        let failed = json!({"phase": "Failed", "startedAt": "2026-03-01T10:00:00Z", "finishedAt": "2026-03-01T10:05:00Z", "failureClass": "AgentFailed",
            "conditions": [{"type": "Ready", "status": "False", "reason": "AgentFailed", "message": "the agent ended with 1", "lastTransitionTime": "2026-03-01T10:05:00Z"}]});
        let queued = json!({"phase": "Queued"});
        let attempts = [polecat("gt-1", 2, &queued), polecat("gt-1", 1, &failed)];
        let said = words(&attempts, BOTH);
        let why = "AgentFailed: the agent ended with 1".to_owned();
        assert_eq!(
            (&said[0].by, &said[0].says),
            (&"rig/polecats/gt-1-1".to_owned(), &Says::GaveUp { why })
        );
        let again = json!({"phase": "Working", "startedAt": "2026-03-01T10:06:00Z"});
        let said = words(
            &[polecat("gt-1", 1, &failed), polecat("gt-1", 2, &again)],
            BOTH,
        );
        assert_eq!(
            (said[0].by.as_str(), &said[0].says),
            ("rig/polecats/gt-1-2", &Says::Working)
        );
        assert_eq!(said[0].own.len(), 2);
    }
}
