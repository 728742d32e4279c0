#![allow(
    clippy::needless_pass_by_value,
    reason = "tests read better with values"
)]

use serde_json::{Value, from_value, json};

use super::*;

fn job(condition: Value) -> Job {
    from_value(json!({"metadata": {"name": "j"}, "status": {"conditions": [condition]}})).unwrap()
}

fn failed(reason: &str, message: &str) -> Job {
    job(
        json!({"type": "Failed", "status": "True", "reason": reason, "message": message, "lastTransitionTime": "2026-03-02T12:00:00Z"}),
    )
}

fn ended(name: &str, code: i32, reason: &str, message: &str) -> Value {
    json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": code, "reason": reason, "message": message}}})
}

/// A pod whose containers ended like this; one that is not named ended well.
fn pod(containers: &[(&str, i32, &str, &str)]) -> Pod {
    let of = |name: &str| {
        let end = containers
            .iter()
            .find(|end| end.0 == name)
            .copied()
            .unwrap_or((name, 0, "Completed", ""));
        ended(end.0, end.1, end.2, end.3)
    };
    from_value(json!({"metadata": {"name": "p"}, "status": {"phase": "Failed",
        "initContainerStatuses": [of("git-init")], "containerStatuses": [of("agent"), of("git-push")]}}))
    .unwrap()
}

fn class(job: &Job, pods: &[&Pod]) -> (FailureClass, String) {
    let outcome = outcome(job, pods).unwrap();
    (outcome.failure.unwrap(), outcome.message)
}

#[test]
fn running_job_has_no_outcome() {
    assert_eq!(
        outcome(&job(json!({"type": "Suspended", "status": "True"})), &[]),
        None
    );
    assert_eq!(outcome(&Job::default(), &[]), None);
}

#[test]
fn complete_job_gives_what_was_pushed() {
    let words = r#"{"outcome":"done","branch":"polecat/x","commit":"abc","files":2,"insertions":10,"deletions":1,
        "tokens":{"input":1000,"output":200,"cacheRead":30,"cacheWrite":4},"cost":0.25,"new":[]}"#;
    let pod = pod(&[("git-push", 0, "Completed", words)]);
    let job = job(
        json!({"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-02T12:00:00Z"}),
    );
    let outcome = outcome(&job, &[&pod]).unwrap();
    assert_eq!(
        (outcome.failure, outcome.message.as_str()),
        (None, "pushed to polecat/x")
    );
    let result = outcome.result.unwrap();
    assert_eq!(
        (result.commit.as_deref(), result.files, result.tokens),
        (Some("abc"), Some(2), Some(1234))
    );
    assert_eq!(result.cost.as_deref(), Some("0.25"));
}

#[test]
fn every_end_has_its_class() {
    use FailureClass as Class;
    let cases = [
        (
            (
                "git-init",
                41,
                "Error",
                r#"{"outcome":"cloneFailed","message":"host key changed"}"#,
            ),
            Class::CloneFailed,
            "git-init ended with exit code 41: host key changed",
        ),
        (
            ("agent", 1, "Error", ""),
            Class::AgentFailed,
            "agent ended with exit code 1",
        ),
        (
            ("agent", 137, "OOMKilled", ""),
            Class::OutOfMemory,
            "agent ended with exit code 137 (OOMKilled)",
        ),
        (
            ("agent", 52, "Error", ""),
            Class::Idle,
            "agent ended with exit code 52",
        ),
        (
            ("agent", 51, "Error", ""),
            Class::DeadlineExceeded,
            "agent ended with exit code 51",
        ),
        (
            ("agent", 54, "Error", ""),
            Class::Killed,
            "agent ended with exit code 54",
        ),
        (
            ("git-push", 60, "Error", r#"{"outcome":"noChanges"}"#),
            Class::NoChanges,
            "git-push ended with exit code 60",
        ),
        (
            ("git-push", 61, "Error", "refused"),
            Class::PushFailed,
            "git-push ended with exit code 61: refused",
        ),
    ];
    for (end, expected, message) in cases {
        assert_eq!(
            class(&failed("PodFailurePolicy", ""), &[&pod(&[end])]),
            (expected, message.to_owned())
        );
    }
}

#[test]
fn failed_agent_counts_before_the_push_after_it_and_its_work_is_still_told() {
    let pod = pod(&[
        ("agent", 1, "Error", ""),
        (
            "git-push",
            0,
            "Completed",
            r#"{"outcome":"agentFailed","branch":"b","commit":"c","files":1,"insertions":1,"deletions":0}"#,
        ),
    ]);
    let outcome = outcome(&failed("PodFailurePolicy", ""), &[&pod]).unwrap();
    assert_eq!(outcome.failure, Some(FailureClass::AgentFailed));
    assert_eq!(outcome.result.unwrap().branch.as_deref(), Some("b"));
}

#[test]
fn deadline_and_deleted_pods_are_told_by_the_job() {
    assert_eq!(
        class(
            &failed(
                "DeadlineExceeded",
                "Job was active longer than specified deadline"
            ),
            &[]
        )
        .0,
        FailureClass::DeadlineExceeded
    );
    assert_eq!(
        class(
            &failed(
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit"
            ),
            &[]
        )
        .0,
        FailureClass::Killed
    );
    let gone = |text: &str| class(&failed("PodFailurePolicy", text), &[]).0;
    assert_eq!(
        gone(
            "Container git-init for pod ns/p failed with exit code 41 matching FailJob rule at index 1"
        ),
        FailureClass::CloneFailed
    );
    assert_eq!(
        gone(
            "Container agent for pod ns/p failed with exit code 143 matching FailJob rule at index 2"
        ),
        FailureClass::Killed
    );
}

#[test]
fn pod_that_was_deleted_while_the_agent_ran_was_killed() {
    let mut pod = pod(&[("agent", 143, "Error", "")]);
    pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
        Timestamp::UNIX_EPOCH,
    ));
    assert_eq!(
        class(&failed("PodFailurePolicy", ""), &[&pod]).0,
        FailureClass::Killed
    );
}

#[test]
fn evicted_pod_is_told_by_its_condition() {
    let mut pod = pod(&[("agent", 143, "Error", "")]);
    pod.status.as_mut().unwrap().conditions = Some(vec![
        from_value(json!({"type": "DisruptionTarget", "status": "True"})).unwrap(),
    ]);
    assert_eq!(
        class(&failed("BackoffLimitExceeded", ""), &[&pod]),
        (
            FailureClass::Evicted,
            "its node took the pod away".to_owned()
        )
    );
}

#[test]
fn pod_that_filled_more_than_its_share_of_the_disk_is_not_tried_again_for_free() {
    let mut pod = pod(&[("agent", 137, "Error", "")]);
    let status = pod.status.as_mut().unwrap();
    status.reason = Some("Evicted".into());
    let why = "Usage of EmptyDir volume \"workspace\" exceeds the limit \"1Gi\".";
    status.message = Some(why.into());
    assert_eq!(
        class(&failed("PodFailurePolicy", ""), &[&pod]),
        (FailureClass::AgentFailed, why.to_owned())
    );
}

#[test]
fn pod_that_its_node_did_not_let_in_is_tried_again_for_free() {
    let pod: Pod = from_value(
        json!({"metadata": {"name": "p"}, "status": {"phase": "Failed",
        "reason": "NodeShutdown", "message": "Pod was rejected as the node is shutting down."}}),
    )
    .unwrap();
    assert_eq!(
        class(&failed("BackoffLimitExceeded", ""), &[&pod]),
        (
            FailureClass::Evicted,
            "its node did not take the pod: NodeShutdown: Pod was rejected as the node is shutting down."
                .to_owned()
        )
    );
}

#[test]
fn agent_that_failed_does_not_hide_that_its_work_was_not_pushed() {
    let pod = pod(&[
        ("agent", 50, "Error", ""),
        ("git-push", 61, "Error", "refused"),
    ]);
    let outcome = outcome(&failed("PodFailurePolicy", ""), &[&pod]).unwrap();
    assert_eq!(outcome.failure, Some(FailureClass::AgentFailed));
    assert_eq!(
        outcome.message,
        "agent ended with exit code 50; git-push ended with exit code 61: refused"
    );
    assert!(outcome.is_permanent, "nor would the next one's be");
}

#[test]
fn what_a_repeat_does_not_mend_is_permanent_with_and_without_its_pod() {
    let gone = |code: i32| {
        let text = format!("Container git-init for pod ns/p failed with exit code {code} matching");
        outcome(&failed("PodFailurePolicy", &text), &[]).unwrap()
    };
    let there = |code: i32| {
        let pod = pod(&[("git-init", code, "Error", "")]);
        outcome(&failed("PodFailurePolicy", ""), &[&pod]).unwrap()
    };
    for (code, is_permanent) in [(41, true), (42, true), (44, false), (1, false)] {
        assert_eq!(gone(code).is_permanent, is_permanent, "{code}");
        assert_eq!(there(code).is_permanent, is_permanent, "{code}");
    }
}
