//! What Events tell of Polecats and Convoys, in more words than a condition has. Values in, values out.

use beadlet_store::kinds::{Convoy, ConvoyPhase, ConvoyStatus, Polecat, PolecatPhase};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::attempt::{Attempt, Because};
use super::lifecycle::name_of_job;

/// Polecats that are named in one Event.
const NAMED: usize = 8;

/// What is told of a Polecat whose condition has changed; `None` where the condition's own words do.
#[must_use]
pub fn words(polecat: &Polecat, said: &Condition) -> Option<String> {
    let status = polecat.status.as_ref()?;
    let attempt = attempt(polecat);
    match status.phase? {
        PolecatPhase::Working if said.reason == "Working" => {
            Some(format!("Job {} starts: {attempt}", name_of_job(polecat)))
        }
        PolecatPhase::Done if said.reason == "Done" => {
            let result = status.result.as_ref();
            let commit = result.and_then(|result| result.commit.as_deref());
            let commit =
                commit.map_or_else(String::new, |commit| format!(" at commit {commit:.12}"));
            Some(format!("{attempt} ended well: {}{commit}", said.message))
        }
        PolecatPhase::Failed => Some(format!("{}; it will be tried again", said.message)),
        PolecatPhase::Stuck => Some(format!("{}; it will not be tried again", said.message)),
        _ => None,
    }
}

/// Which attempt at what.
fn attempt(polecat: &Polecat) -> String {
    let Some(bead) = polecat.bead() else {
        return "the task that it was given".to_owned();
    };
    let because = match polecat.because() {
        Because::First => "",
        Because::Failure => ", as the last one failed",
        Because::Eviction => ", as the last one was evicted",
        Because::Changed => ", as the bead has changed",
        Because::Asked if polecat.is_dispatched() => ", as somebody asked for it",
        Because::Asked => "",
    };
    format!("attempt {} at {}{because}", polecat.number(), bead.id)
}

/// What is told of a Rig for which these Polecats were made; nothing when there are none.
#[must_use]
pub fn births(born: &[Polecat]) -> Option<String> {
    let named: Vec<String> = born
        .iter()
        .take(NAMED)
        .map(|polecat| {
            let (namespace, name) = (polecat.namespace().unwrap_or_default(), polecat.name_any());
            format!("{namespace}/{name} ({})", attempt(polecat))
        })
        .collect();
    let more = match born.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!named.is_empty()).then(|| format!("made polecats: {}{more}", named.join(", ")))
}

/// What is told of a Convoy on its way, when more of its beads are complete than before.
#[must_use]
pub fn progress(convoy: &Convoy, after: &ConvoyStatus) -> Option<String> {
    let before = convoy.status.as_ref();
    let known = before.map_or(&[][..], |status| &status.completed_beads);
    let new: Vec<&str> = after
        .completed_beads
        .iter()
        .filter(|id| !known.contains(id))
        .map(String::as_str)
        .collect();
    // The last one is told as the end.
    if new.is_empty() || after.phase != Some(ConvoyPhase::InProgress) {
        return None;
    }
    let progress = after.progress.as_deref().unwrap_or_default();
    let more = match new.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = new[..new.len().min(NAMED)].join(", ");
    Some(format!("{progress} beads are complete, now {named}{more}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::super::condition::{READY, Said, set};
    use super::super::fixture::{convoy, noon, polecat};
    use super::*;

    fn told(polecat: &Polecat, reason: &'static str, message: &str) -> Option<String> {
        let mut conditions = Vec::new();
        let said = Said::new(READY, false, reason, message);
        set(&mut conditions, &said, Some(1), noon());
        words(polecat, &conditions[0])
    }

    fn in_phase(phase: &str, attempt: u32) -> Polecat {
        let mut polecat = polecat("gt-1", attempt);
        let result = json!({"commit": "0123456789abcdef"});
        polecat.status = Some(from_value(json!({"phase": phase, "result": result})).unwrap());
        polecat
    }

    #[test]
    fn polecat_tells_which_attempt_it_is_and_what_comes_of_it() {
        let says = |phase, attempt, reason, message| {
            told(&in_phase(phase, attempt), reason, message).unwrap()
        };
        assert_eq!(
            says("Working", 2, "Working", "pod x is pending"),
            "Job polecat-gt-1-2 starts: attempt 2 at gt-1, as the last one failed"
        );
        assert_eq!(
            says("Done", 1, "Done", "pushed to main"),
            "attempt 1 at gt-1 ended well: pushed to main at commit 0123456789ab"
        );
        let failed = says("Failed", 1, "AgentFailed", "exit code 1");
        assert_eq!(failed, "exit code 1; it will be tried again");
        let stuck = says("Stuck", 3, "AgentFailed", "exit code 1");
        assert_eq!(stuck, "exit code 1; it will not be tried again");
        assert_eq!(told(&in_phase("Queued", 1), "NoRig", "no Rig"), None);
    }

    #[test]
    fn births_of_one_pass_are_told_together() {
        assert_eq!(births(&[]), None);
        let note = births(&[polecat("gt-1", 1), polecat("gt-2", 2)]).unwrap();
        let second = "ns/gt-2-2 (attempt 2 at gt-2, as the last one failed)";
        assert_eq!(
            note,
            format!("made polecats: ns/gt-1-1 (attempt 1 at gt-1), {second}")
        );
        let many: Vec<Polecat> = (0..40).map(|n| polecat(&format!("gt-{n}"), 1)).collect();
        assert!(births(&many).unwrap().ends_with(" and 32 more"));
    }

    #[test]
    fn convoy_tells_what_is_new_until_its_end() {
        let status = |phase: &str, done: &[&str]| -> ConvoyStatus {
            let progress = format!("{}/3", done.len());
            from_value(json!({"phase": phase, "progress": progress, "completedBeads": done}))
                .unwrap()
        };
        let mut convoy = convoy("wave", &["gt-1", "gt-2", "gt-3"], 0);
        convoy.status = Some(status("InProgress", &["gt-1"]));
        let told = |phase, done: &[&str]| progress(&convoy, &status(phase, done));
        assert_eq!(told("InProgress", &["gt-1"]), None);
        assert_eq!(
            told("InProgress", &["gt-1", "gt-3"]).as_deref(),
            Some("2/3 beads are complete, now gt-3")
        );
        assert_eq!(told("Complete", &["gt-1", "gt-2", "gt-3"]), None);
    }
}
