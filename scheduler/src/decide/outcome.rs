//! How a Job ended, from the Job and what is left of its pods.

use beadlet_store::kinds::{FailureClass, PolecatResult};
use beadlet_supervise::contract::{ExitCode, Report, Tokens};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};

use super::contract::container;

/// The end of a Job.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `None` when it ended well.
    pub failure: Option<FailureClass>,
    /// For people.
    pub message: String,
    pub result: Option<PolecatResult>,
    pub at: Option<Timestamp>,
}

/// The outcome, once the Job has one. `pods` are those of the Job that can still be seen.
#[must_use]
pub fn outcome(job: &Job, pods: &[&Pod]) -> Option<Outcome> {
    let pod = newest(pods);
    let result = pod
        .and_then(|pod| terminated(pod, container::GIT_PUSH))
        .and_then(|ended| result(ended.message.as_deref()?));
    if let Some(complete) = ended(job, "Complete") {
        let message = result
            .as_ref()
            .and_then(|result| result.branch.as_ref())
            .map_or("done".into(), |branch| format!("pushed to {branch}"));
        return Some(Outcome {
            failure: None,
            message,
            result,
            at: at(complete),
        });
    }
    let failed = ended(job, "Failed")?;
    let (class, message) = failure(failed, pod);
    Some(Outcome {
        failure: Some(class),
        message,
        result,
        at: at(failed),
    })
}

fn ended<'a>(job: &'a Job, type_: &str) -> Option<&'a JobCondition> {
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

fn failure(job: &JobCondition, pod: Option<&Pod>) -> (FailureClass, String) {
    let reason = job.reason.as_deref().unwrap_or_default();
    if reason == "DeadlineExceeded" {
        return (
            FailureClass::DeadlineExceeded,
            "it took longer than activeDeadlineSeconds".into(),
        );
    }
    let told = pod
        .and_then(of_pod)
        .or_else(|| of_message(job.message.as_deref()?));
    told.unwrap_or_else(|| (FailureClass::Killed, "its pod was deleted".into()))
}

/// What the pod tells. The agent's end counts before that of the push, which comes after it.
fn of_pod(pod: &Pod) -> Option<(FailureClass, String)> {
    let status = pod.status.as_ref()?;
    let is_disrupted =
        |(type_, status): (&str, &str)| type_ == "DisruptionTarget" && status == "True";
    let mut conditions = status
        .conditions
        .iter()
        .flatten()
        .map(|condition| (condition.type_.as_str(), condition.status.as_str()));
    if status.reason.as_deref() == Some("Evicted") || conditions.any(is_disrupted) {
        let why = status
            .message
            .clone()
            .unwrap_or_else(|| "its node took the pod away".into());
        return Some((FailureClass::Evicted, why));
    }
    [container::GIT_INIT, container::AGENT, container::GIT_PUSH]
        .into_iter()
        .find_map(|name| {
            let ended = terminated(pod, name).filter(|ended| ended.exit_code != 0)?;
            let class = if ended.reason.as_deref() == Some("OOMKilled") {
                FailureClass::OutOfMemory
            } else if name == container::AGENT && pod.metadata.deletion_timestamp.is_some() {
                FailureClass::Killed
            } else {
                of_exit(name, ended.exit_code)
            };
            Some((class, words(name, ended)))
        })
}

/// What the Job's own condition tells, when its pod is gone: "Container agent for pod ns/name failed with exit code 1 matching FailJob
/// rule at index 2".
fn of_message(message: &str) -> Option<(FailureClass, String)> {
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
    Some((class, format!("{name} ended with exit code {code}")))
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

fn terminated<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStateTerminated> {
    let status = pod.status.as_ref()?;
    let statuses = status
        .init_container_statuses
        .iter()
        .flatten()
        .chain(status.container_statuses.iter().flatten());
    statuses
        .filter(|status| status.name == container)
        .find_map(|status| status.state.as_ref()?.terminated.as_ref())
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
