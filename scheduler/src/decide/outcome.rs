//! How a Job ended, from the Job and what is left of its pods.

use beadlet_store::kinds::{FailureClass, PolecatResult};
use beadlet_supervise::contract::{ExitCode, Report, Tokens};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

use super::contract::container;
use super::pod::{containers, ended, terminated};

/// The end of a Job.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `None` when it ended well.
    pub failure: Option<FailureClass>,
    /// Whether the same attempt, started again unchanged, could not end otherwise.
    pub is_permanent: bool,
    /// For people.
    pub message: String,
    pub result: Option<PolecatResult>,
    pub at: Option<Timestamp>,
}

/// Why an attempt failed.
struct Failure {
    class: FailureClass,
    is_permanent: bool,
    message: String,
}

/// The outcome, once the Job has one. `pods` are those of the Job that can still be seen.
#[must_use]
pub fn outcome(job: &Job, pods: &[&Pod]) -> Option<Outcome> {
    let pod = newest(pods);
    let result = pod.and_then(pushed);
    if let Some(complete) = concluded(job, "Complete") {
        let message = result
            .as_ref()
            .and_then(|result| result.branch.as_ref())
            .map_or("done".into(), |branch| format!("pushed to {branch}"));
        return Some(Outcome {
            failure: None,
            is_permanent: false,
            message,
            result,
            at: at(complete),
        });
    }
    let failed = concluded(job, "Failed")?;
    let Failure {
        class,
        is_permanent,
        message,
    } = failure(failed, pod);
    Some(Outcome {
        failure: Some(class),
        is_permanent,
        message,
        result,
        at: at(failed),
    })
}

/// What `git-push` says that it brought to the server, once it has ended.
#[must_use]
pub fn pushed(pod: &Pod) -> Option<PolecatResult> {
    result(terminated(pod, container::GIT_PUSH)?.message.as_deref()?)
}

fn concluded<'a>(job: &'a Job, type_: &str) -> Option<&'a JobCondition> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == type_ && condition.status == "True")
}

fn at(condition: &JobCondition) -> Option<Timestamp> {
    condition.last_transition_time.as_ref().map(|time| time.0)
}

/// The pod that was made last.
#[must_use]
pub fn newest<'a>(pods: &[&'a Pod]) -> Option<&'a Pod> {
    pods.iter().copied().max_by_key(|pod| {
        (
            pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            pod.metadata.name.clone(),
        )
    })
}

impl Failure {
    fn passing(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            is_permanent: false,
            message: message.into(),
        }
    }
}

fn failure(job: &JobCondition, pod: Option<&Pod>) -> Failure {
    let reason = job.reason.as_deref().unwrap_or_default();
    if reason == "DeadlineExceeded" {
        return Failure::passing(
            FailureClass::DeadlineExceeded,
            "it took longer than activeDeadlineSeconds",
        );
    }
    let told = pod
        .and_then(|pod| of_node(pod).or_else(|| of_containers(pod)))
        .or_else(|| of_message(job.message.as_deref()?));
    told.unwrap_or_else(|| Failure::passing(FailureClass::Killed, "its pod was deleted"))
}

/// What was done to the pod by its node. A disruption is nobody's fault; a pod that filled more than its share of the disk is put out
/// without one.
fn of_node(pod: &Pod) -> Option<Failure> {
    let status = pod.status.as_ref()?;
    let is_disrupted = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True");
    let told = status.message.clone().filter(|text| !text.is_empty());
    if is_disrupted {
        let why = told.unwrap_or_else(|| "its node took the pod away".into());
        return Some(Failure::passing(FailureClass::Evicted, why));
    }
    let reason = status.reason.as_deref()?;
    if reason == "Evicted" {
        let why = told.unwrap_or_else(|| "the pod used more than it may".into());
        return Some(Failure::passing(FailureClass::AgentFailed, why));
    }
    // The kubelet did not let it in: the node was shutting down, or had become full.
    let never_ran = containers(pod).all(|container| ended(container).is_none());
    never_ran.then(|| {
        let why = format!(
            "its node did not take the pod: {reason}: {}",
            told.unwrap_or_default()
        );
        Failure::passing(FailureClass::Evicted, why)
    })
}

/// What the containers tell. The agent's end counts before that of the push, which comes after it, and is told as well.
fn of_containers(pod: &Pod) -> Option<Failure> {
    let names = [container::GIT_INIT, container::AGENT, container::GIT_PUSH];
    let failed: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((name, terminated(pod, name)?)))
        .filter(|(_, ended)| ended.exit_code != 0)
        .collect();
    let (first, ended) = *failed.first()?;
    let class = if ended.reason.as_deref() == Some("OOMKilled") {
        FailureClass::OutOfMemory
    } else if first == container::AGENT && pod.metadata.deletion_timestamp.is_some() {
        FailureClass::Killed
    } else {
        of_exit(first, ended.exit_code)
    };
    let told: Vec<String> = failed
        .iter()
        .map(|(name, ended)| words(name, ended))
        .collect();
    Some(Failure {
        class,
        is_permanent: failed
            .iter()
            .any(|(_, ended)| is_permanent(ended.exit_code)),
        message: told.join("; "),
    })
}

/// What the Job's own condition tells, when its pod is gone: "Container agent for pod ns/name failed with exit code 1 matching FailJob
/// rule at index 2".
fn of_message(message: &str) -> Option<Failure> {
    let name = message.strip_prefix("Container ")?.split(' ').next()?;
    let code = message
        .split("exit code ")
        .nth(1)?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let was_killed = name == container::AGENT && matches!(code, 137 | 143);
    let class = if was_killed {
        FailureClass::Killed
    } else {
        of_exit(name, code)
    };
    Some(Failure {
        class,
        is_permanent: is_permanent(code),
        message: format!("{name} ended with exit code {code}"),
    })
}

fn is_permanent(code: i32) -> bool {
    ExitCode::from_code(code).is_some_and(ExitCode::is_permanent)
}

fn of_exit(container: &str, code: i32) -> FailureClass {
    match (ExitCode::from_code(code), container) {
        (Some(ExitCode::CloneStopped | ExitCode::AgentStopped | ExitCode::PushStopped), _) => {
            FailureClass::Killed
        }
        (Some(ExitCode::AgentDeadline), _) => FailureClass::DeadlineExceeded,
        (Some(ExitCode::AgentIdle), _) => FailureClass::Idle,
        (Some(ExitCode::AgentOutOfMemory), _) => FailureClass::OutOfMemory,
        (Some(ExitCode::NoChanges), _) => FailureClass::NoChanges,
        (_, container::GIT_INIT) => FailureClass::CloneFailed,
        (_, container::GIT_PUSH) => FailureClass::PushFailed,
        _ => FailureClass::AgentFailed,
    }
}

fn words(container: &str, ended: &ContainerStateTerminated) -> String {
    let told = ended.message.as_deref().map(str::trim);
    let told = told.map(|text| {
        serde_json::from_str(text).map_or_else(|_| text.to_owned(), |report: Report| report.message)
    });
    let told = told.filter(|text| !text.is_empty());
    let reason = ended.reason.as_deref().filter(|reason| *reason != "Error");
    let end = format!("{container} ended with exit code {}", ended.exit_code);
    match (told, reason) {
        (Some(told), _) => format!("{end}: {told}"),
        (None, Some(reason)) => format!("{end} ({reason})"),
        (None, None) => end,
    }
}

/// What `git-push` wrote as its last words.
fn result(message: &str) -> Option<PolecatResult> {
    let report: Report = serde_json::from_str(message).ok()?;
    let count = |number: usize| i64::try_from(number).ok();
    let mut result = PolecatResult {
        tokens: report.usage.tokens.and_then(all),
        cost: report.usage.cost.map(|cost| cost.to_string()),
        ..PolecatResult::default()
    };
    if let Some(work) = report.work {
        result.branch = Some(work.branch);
        result.commit = Some(work.commit);
        result.files = count(work.files);
        result.insertions = count(work.insertions);
        result.deletions = count(work.deletions);
    }
    (result != PolecatResult::default()).then_some(result)
}

/// Tokens in and out, whether a cache had them or not.
fn all(tokens: Tokens) -> Option<i64> {
    let Tokens {
        input,
        output,
        cache_read,
        cache_write,
    } = tokens;
    i64::try_from(input + output + cache_read + cache_write).ok()
}

#[cfg(test)]
mod tests;
