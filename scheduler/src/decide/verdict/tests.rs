use beadlet_store::keys::work;
use beadlet_store::kinds::DesiredState;
use serde_json::json;

use super::super::fixture::{Became, bead, bead_with, before, noon, polecat, rig};
use super::*;

fn policy() -> Policy {
    Policy::parse(
        &rig(
            "rig",
            json!({"dispatch": {"backoff": {"initial": "5m", "max": "1h"}}}),
        )
        .spec,
    )
    .unwrap()
}

fn judge(bead: &Bead, attempts: &[&Polecat]) -> Result<NextAttempt, WaitReason> {
    match verdict(bead, attempts, &policy(), noon()) {
        Verdict::Next(next) => Ok(next),
        Verdict::Wait(wait) => Err(wait.reason),
        Verdict::UnderWay(polecat) => panic!("{:?} is under way", polecat.metadata.name),
    }
}

fn next(number: u32, because: Because) -> Result<NextAttempt, WaitReason> {
    Ok(NextAttempt {
        number,
        because,
        branch: None,
    })
}

#[test]
fn untried_bead_is_next() {
    assert_eq!(judge(&bead("gt-1"), &[]), next(1, Because::First));
}

#[test]
fn untried_bead_with_a_remembered_attempt_gets_the_number_after_it() {
    let mut again = bead("gt-1");
    again.last_attempt = 4;
    assert_eq!(judge(&again, &[]), next(5, Because::First));
}

#[test]
fn bead_with_a_polecat_that_has_not_ended_is_under_way() {
    let bead = bead("gt-1");
    for phase in [
        PolecatPhase::Idle,
        PolecatPhase::Queued,
        PolecatPhase::Working,
    ] {
        let (first, second) = (
            polecat("gt-1", 1).ended(PolecatPhase::Failed, 9),
            polecat("gt-1", 2).in_phase(phase),
        );
        let attempts = [&first, &second];
        assert_eq!(
            verdict(&bead, &attempts, &policy(), noon()),
            Verdict::UnderWay(&second)
        );
    }
    let parked = polecat("gt-1", 1).wanted(DesiredState::Idle);
    assert_eq!(
        verdict(&bead, &[&parked], &policy(), noon()),
        Verdict::UnderWay(&parked)
    );
}

#[test]
fn bead_that_is_not_for_polecats_waits_and_says_why() {
    let cases = [
        (json!({"issue_type": "epic"}), WaitReason::Type),
        (json!({"labels": ["gt:agent"]}), WaitReason::DeniedLabel),
        (json!({"assignee": "mayor/"}), WaitReason::Assigned),
    ];
    for (fields, reason) in cases {
        assert_eq!(judge(&bead_with("gt-1", fields), &[]), Err(reason));
    }
}

#[test]
fn rig_may_switch_dispatch_off_and_require_labels() {
    let judge = |dispatch: serde_json::Value, bead: &Bead| {
        let policy = Policy::parse(&rig("rig", json!({"dispatch": dispatch})).spec).unwrap();
        match verdict(bead, &[], &policy, noon()) {
            Verdict::Wait(wait) => Some(wait.reason),
            _ => None,
        }
    };
    assert_eq!(
        judge(json!({"enabled": false}), &bead("gt-1")),
        Some(WaitReason::Disabled)
    );
    assert_eq!(
        judge(json!({"requireLabels": ["go"]}), &bead("gt-1")),
        Some(WaitReason::MissingLabel)
    );
    assert_eq!(
        judge(
            json!({"requireLabels": ["go"]}),
            &bead_with("gt-1", json!({"labels": ["go"]}))
        ),
        None
    );
    assert_eq!(
        judge(
            json!({"types": ["epic"]}),
            &bead_with("gt-1", json!({"issue_type": "epic"}))
        ),
        None
    );
}

#[test]
fn finished_bead_that_is_still_open_does_not_start_again() {
    let bead = bead("gt-1");
    let done = polecat("gt-1", 1).ended(PolecatPhase::Done, 5).saw(&bead);
    assert_eq!(judge(&bead, &[&done]), Err(WaitReason::AlreadyDone));
    let stopped = polecat("gt-1", 1)
        .ended(PolecatPhase::Terminated, 5)
        .saw(&bead);
    assert_eq!(judge(&bead, &[&stopped]), Err(WaitReason::Stopped));
}

#[test]
fn finished_bead_starts_again_when_it_has_changed_or_a_person_asks() {
    let bead = bead("gt-1");
    let done = polecat("gt-1", 1).ended(PolecatPhase::Done, 5).saw(&bead);
    let changed = bead_with("gt-1", json!({"title": "do it better"}));
    assert_eq!(judge(&changed, &[&done]), next(2, Because::Changed));
    let asked = done.annotated(work::RETRY, "now");
    assert_eq!(judge(&bead, &[&asked]), next(2, Because::Asked));
}

#[test]
fn change_that_was_made_during_the_attempt_is_its_own_doing() {
    let done = polecat("gt-1", 1)
        .ended(PolecatPhase::Done, 5)
        .saw(&bead("gt-1"));
    let changed_at = |at: Timestamp| {
        bead_with(
            "gt-1",
            json!({"notes": "half done", "updated_at": at.to_string()}),
        )
    };
    assert_eq!(
        judge(&changed_at(before(30)), &[&done]),
        Err(WaitReason::AlreadyDone)
    );
    assert_eq!(
        judge(&changed_at(before(5)), &[&done]),
        Err(WaitReason::AlreadyDone)
    );
    assert_eq!(
        judge(&changed_at(before(4)), &[&done]),
        next(2, Because::Changed)
    );
}

#[test]
fn report_of_its_own_failure_does_not_start_a_bead_anew() {
    let failed = polecat("gt-1", 1)
        .failed(FailureClass::AgentFailed, 5)
        .saw(&bead("gt-1"));
    // As it is given back: later than the end, for want of a free second.
    let at = before(4).to_string();
    let said_by = |author: &str| {
        let comments = json!([{"author": "ann", "created_at": "2026-01-01T00:00:00Z"}, {"author": author, "created_at": at}]);
        bead_with("gt-1", json!({"updated_at": at, "comments": comments}))
    };
    assert_eq!(
        judge(&said_by("rig/polecats/gt-1-1"), &[&failed]),
        next(2, Because::Failure)
    );
    assert_eq!(
        judge(&said_by("ann"), &[&failed]),
        next(2, Because::Changed)
    );
}

#[test]
fn failed_bead_is_tried_again_after_a_pause_that_doubles() {
    let bead = bead("gt-1");
    let failed = |attempt, minutes| {
        polecat("gt-1", attempt)
            .failed(FailureClass::AgentFailed, minutes)
            .saw(&bead)
    };
    assert_eq!(judge(&bead, &[&failed(1, 4)]), Err(WaitReason::Backoff));
    assert_eq!(judge(&bead, &[&failed(1, 5)]), next(2, Because::Failure));
    assert_eq!(
        judge(&bead, &[&failed(1, 40), &failed(2, 9)]),
        Err(WaitReason::Backoff)
    );
    assert_eq!(
        judge(&bead, &[&failed(1, 40), &failed(2, 10)]),
        next(3, Because::Failure)
    );
}

#[test]
fn wait_for_the_next_attempt_says_until_when() {
    let bead = bead("gt-1");
    let failed = polecat("gt-1", 1)
        .failed(FailureClass::PushFailed, 4)
        .saw(&bead);
    let Verdict::Wait(wait) = verdict(&bead, &[&failed], &policy(), noon()) else {
        panic!()
    };
    assert_eq!(wait.until, Some(before(-1)));
    assert_eq!(
        wait.detail,
        "attempt 1 failed; the next one starts at 2026-03-02T12:01:00Z"
    );
}

#[test]
fn bead_is_stuck_after_its_last_attempt_until_it_changes() {
    let bead = bead("gt-1");
    let attempts = [1, 2, 3].map(|n| {
        polecat("gt-1", n)
            .failed(FailureClass::AgentFailed, 100 - i64::from(n))
            .saw(&bead)
    });
    let attempts: Vec<&Polecat> = attempts.iter().collect();
    assert_eq!(judge(&bead, &attempts), Err(WaitReason::Stuck));
    let changed = bead_with("gt-1", json!({"description": "try the other door"}));
    assert_eq!(judge(&changed, &attempts), next(4, Because::Changed));

    let fourth = polecat("gt-1", 4)
        .annotated(work::BECAUSE, "Changed")
        .failed(FailureClass::AgentFailed, 50)
        .saw(&changed);
    let attempts: Vec<&Polecat> = attempts.into_iter().chain([&fourth]).collect();
    assert_eq!(
        judge(&changed, &attempts),
        next(5, Because::Failure),
        "failures before the change do not count"
    );
}

#[test]
fn evictions_are_free_of_charge() {
    let bead = bead("gt-1");
    let evicted = |n: u32| {
        polecat("gt-1", n)
            .annotated(work::BECAUSE, "Eviction")
            .failed(FailureClass::Evicted, 100 - i64::from(n))
            .saw(&bead)
    };
    let first = polecat("gt-1", 1)
        .failed(FailureClass::AgentFailed, 200)
        .saw(&bead);
    let rest: Vec<Polecat> = (2..9).map(evicted).collect();
    let attempts: Vec<&Polecat> = std::iter::once(&first).chain(&rest).collect();
    assert_eq!(charged(&attempts), 1);
    assert_eq!(judge(&bead, &attempts), next(9, Because::Eviction));
}

/// A Polecat whose work, finished or not, is on the branch `b`, and `pushed` where it says so as its last words.
fn with_branch(mut polecat: Polecat, pushed: Option<&str>) -> Polecat {
    let status = polecat.status.get_or_insert_default();
    status.branch = Some("b".into());
    status.result = pushed.map(|branch| beadlet_store::kinds::PolecatResult {
        branch: Some(branch.into()),
        ..Default::default()
    });
    polecat
}

#[test]
fn next_attempt_goes_on_where_one_that_did_not_come_to_its_end_left_its_work() {
    let bead = bead("gt-1");
    let ended = |phase| {
        polecat("gt-1", 1)
            .ended(phase, 90)
            .annotated(work::RETRY, "now")
    };
    let branch = |polecat: &Polecat| judge(&bead, &[polecat]).unwrap().branch;
    for phase in [
        PolecatPhase::Failed,
        PolecatPhase::Stuck,
        PolecatPhase::Terminated,
    ] {
        let beside = with_branch(ended(phase), Some("beside"));
        assert_eq!(branch(&beside).as_deref(), Some("beside"), "{phase:?}");
        let silent = with_branch(ended(phase), None);
        assert_eq!(branch(&silent).as_deref(), Some("b"), "{phase:?}");
    }
    let done = with_branch(ended(PolecatPhase::Done), Some("b"));
    assert_eq!(branch(&done), None, "what is done is done");
}

#[test]
fn failure_that_stays_is_not_repeated_until_somebody_asks() {
    let bead = bead("gt-1");
    let mut failed = polecat("gt-1", 1).failed(FailureClass::CloneFailed, 90);
    failed.status.get_or_insert_default().permanent = Some(true);
    let Verdict::Wait(wait) = verdict(&bead, &[&failed], &policy(), noon()) else {
        panic!()
    };
    assert_eq!((wait.reason, wait.until), (WaitReason::Stuck, None));
    assert!(
        wait.detail.contains("gt-1-1") && wait.detail.contains("kubectl bead retry gt-1"),
        "{}",
        wait.detail
    );
    let asked = failed.annotated(work::RETRY, "now");
    assert_eq!(judge(&bead, &[&asked]), next(2, Because::Asked));
}
