use beadlet_store::kinds::FailureClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use serde_json::{Value, from_value, json};

use super::super::fixture::{Became, bead, before, by_hand, defaults, noon, polecat, rig, seed};
use super::super::order::{Sources, order};
use super::*;

/// What happens to one Polecat, told step by step.
struct Story {
    polecat: Polecat,
    job: Option<Job>,
    pods: Vec<Pod>,
    place: Place,
    fate: Fate,
    inputs: Inputs,
    tries_left: Tries,
    now: Timestamp,
}

#[derive(Debug)]
struct Tries(bool);

impl RetryRule for Tries {
    fn applies(&self, _: FailureClass) -> bool {
        self.0
    }
}

impl Story {
    fn of(polecat: Polecat) -> Self {
        let place = if polecat.spec.rig.is_some() {
            Place::Held
        } else {
            Place::NotNeeded
        };
        Self {
            polecat,
            job: None,
            pods: Vec::new(),
            place,
            fate: Fate::Open,
            inputs: Inputs {
                missing: None,
                key_hash: Some("k1".into()),
            },
            tries_left: Tries(true),
            now: noon(),
        }
    }

    /// A dispatched Polecat whose Job was made and started.
    fn started() -> Self {
        let mut story = Self::of(polecat("gt-1", 1));
        let Act::Create(job) = story.decide().act else {
            panic!()
        };
        story.job = Some(made(*job));
        assert_eq!(story.step(), Act::Start);
        story.unsuspend();
        story
    }

    fn look(&self, is_fresh: bool) -> Decision {
        let rig = rig(
            "rig",
            json!({"polecatTemplate": {"spec": {"kubernetes": {"apiKeySecretRef": {"name": "llm", "key": "k"}}}}}),
        );
        let bead = bead("gt-1");
        let rig = self.polecat.spec.rig.as_ref().map(|_| &rig);
        let order = order(Sources {
            polecat: &self.polecat,
            rig,
            bead: None,
            convoy: None,
            defaults: &defaults(),
        });
        let pods: Vec<&Pod> = self.pods.iter().collect();
        decide(&View {
            polecat: &self.polecat,
            order: &order,
            inputs: &self.inputs,
            job: if is_fresh {
                JobSight::Fresh(self.job.as_ref())
            } else {
                JobSight::Cached(self.job.as_ref())
            },
            pods: &pods,
            are_pods_fresh: is_fresh,
            place: self.place.clone(),
            bead: Some(&bead),
            fate: self.fate.clone(),
            grace: Duration::from_secs(30),
            is_tried_again: &self.tries_left,
            now: self.now,
        })
    }

    fn decide(&self) -> Decision {
        self.look(false)
    }

    /// Decides and writes the status down; looks again without cache where that is asked for.
    fn step(&mut self) -> Act {
        let mut decision = self.decide();
        self.polecat.status = Some(decision.status);
        if matches!(decision.act, Act::Look | Act::LookAtPods) {
            decision = self.look(true);
            self.polecat.status = Some(decision.status);
        }
        decision.act
    }

    fn unsuspend(&mut self) {
        let job = self.job.as_mut().unwrap();
        job.spec.as_mut().unwrap().suspend = Some(false);
        job.status = from_value(json!({"startTime": "2026-03-02T11:59:00Z", "active": 1})).unwrap();
    }

    fn end(&mut self, condition: &Value) {
        let conditions: Value = json!([{"status": "True", "lastTransitionTime": "2026-03-02T12:00:00Z", "type": condition["type"],
            "reason": condition["reason"], "message": condition["message"]}]);
        self.job.as_mut().unwrap().status = from_value(json!({"conditions": conditions})).unwrap();
    }

    fn phase(&self) -> PolecatPhase {
        self.polecat.phase()
    }

    fn ready(&self) -> (String, String) {
        let ready = condition::find(&self.polecat, condition::READY).unwrap();
        (
            format!("{} {}", ready.status, ready.reason),
            ready.message.clone(),
        )
    }

    fn later(mut self, seconds: i64) -> Self {
        self.now += jiff::SignedDuration::from_secs(seconds);
        self
    }
}

/// The Job as the API server keeps it.
fn made(mut job: Job) -> Job {
    job.metadata.uid = Some("job-uid".into());
    job
}

#[test]
fn polecat_gets_its_finalizer_before_anything_else() {
    let mut story = Story::of(seed());
    assert_eq!(story.step(), Act::AddFinalizer);
    story.polecat.metadata.finalizers = Some(vec![work::FINALIZER.into()]);
    assert!(matches!(story.step(), Act::Create(_)));
    assert_eq!(story.phase(), PolecatPhase::Queued);
}

#[test]
fn polecat_without_a_place_waits_and_says_why() {
    let mut story = Story::of(polecat("gt-1", 1));
    story.place = Place::Awaited("5 of 5 polecats work".into());
    assert_eq!(story.step(), Act::Nothing);
    assert_eq!(story.phase(), PolecatPhase::Queued);
    assert_eq!(
        story.ready(),
        ("False AwaitsPlace".into(), "5 of 5 polecats work".into())
    );
}

#[test]
fn job_is_made_suspended_then_the_polecat_is_written_down_as_working_then_the_job_is_started() {
    let mut story = Story::of(polecat("gt-1", 1));
    let Act::Create(job) = story.decide().act else {
        panic!()
    };
    assert_eq!(job.spec.as_ref().unwrap().suspend, Some(true));
    story.job = Some(made(*job));
    let decision = story.decide();
    assert_eq!(
        (decision.act, decision.status.phase),
        (Act::Start, Some(PolecatPhase::Working))
    );
    assert_eq!(
        (
            decision.status.job_name.as_deref(),
            decision.status.job_uid.as_deref()
        ),
        (Some("polecat-gt-1-1"), Some("job-uid"))
    );
    assert_eq!(decision.status.key_hash.as_deref(), Some("k1"));
}

#[test]
fn controller_that_stopped_before_the_start_goes_on_with_it() {
    let mut story = Story::started();
    story.job.as_mut().unwrap().spec.as_mut().unwrap().suspend = Some(true);
    assert_eq!(story.step(), Act::Start);
}

#[test]
fn complete_job_makes_the_polecat_done() {
    let mut story = Story::started();
    story.end(&json!({"type": "Complete"}));
    assert_eq!(story.step(), Act::Nothing);
    assert_eq!(
        (story.phase(), story.ready().0),
        (PolecatPhase::Done, "True Done".into())
    );
    assert_eq!(story.polecat.finished_at(), Some(noon()));
    assert_eq!(story.polecat.revision(), Some(bead("gt-1").revision));
}

#[test]
fn failed_job_makes_the_polecat_failed_or_stuck() {
    for (is_tried_again, phase) in [(true, PolecatPhase::Failed), (false, PolecatPhase::Stuck)] {
        let mut story = Story::started();
        story.tries_left = Tries(is_tried_again);
        story.end(&json!({"type": "Failed", "reason": "DeadlineExceeded"}));
        story.step();
        assert_eq!(
            (story.phase(), story.polecat.failure()),
            (phase, Some(FailureClass::DeadlineExceeded))
        );
        assert!(condition::is_true(&story.polecat, condition::STALLED));
    }
}

#[test]
fn failure_that_stays_makes_the_polecat_stuck_at_once() {
    let mut story = Story::started();
    let why = "Container git-init for pod ns/p failed with exit code 41 matching FailJob rule";
    story.end(&json!({"type": "Failed", "reason": "PodFailurePolicy", "message": why}));
    story.step();
    assert_eq!(
        (
            story.phase(),
            story.polecat.failure(),
            story.polecat.is_permanent()
        ),
        (PolecatPhase::Stuck, Some(FailureClass::CloneFailed), true)
    );
}

/// A pod that pushed to branch `b`.
fn ended_pod(phase: &str, outcome: &str) -> Pod {
    let words = json!({"outcome": outcome, "branch": "b", "commit": "c", "files": 1, "insertions": 1, "deletions": 0});
    from_value(
        json!({"metadata": {"name": "p"}, "status": {"phase": phase, "containerStatuses": [
        {"name": "git-push", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 0, "message": words.to_string()}}}]}}),
    )
    .unwrap()
}

#[test]
fn end_of_a_job_is_written_down_with_the_end_of_its_pod() {
    let behind: Pod =
        from_value(json!({"metadata": {"name": "p"}, "status": {"phase": "Running"}})).unwrap();
    for cached in [vec![], vec![behind]] {
        let mut story = Story::started();
        story.pods = cached;
        story.end(&json!({"type": "Complete"}));
        let decision = story.decide();
        assert_eq!(
            (decision.act, decision.status.phase),
            (Act::LookAtPods, Some(PolecatPhase::Working))
        );
        story.pods = vec![ended_pod("Succeeded", "done")];
        assert_eq!(story.decide().act, Act::Nothing);
        story.step();
        assert_eq!(story.phase(), PolecatPhase::Done);
        let result = story.polecat.status.unwrap().result.unwrap();
        assert_eq!(result.branch.as_deref(), Some("b"));
    }
}

#[test]
fn end_of_a_pod_before_a_pause_is_not_that_of_the_job() {
    let mut story = Story::started();
    story.step();
    story.pods = vec![ended_pod("Failed", "stopped")];
    story.end(&json!({"type": "Complete"}));
    assert_eq!(story.decide().act, Act::Nothing);
    story.polecat.status.as_mut().unwrap().pauses = Some(1);
    assert_eq!(story.decide().act, Act::LookAtPods);
}

#[test]
fn last_words_of_a_pod_that_was_told_to_stop_are_looked_for() {
    let mut story = Story::started();
    story.polecat.spec.desired_state = Some(DesiredState::Terminated);
    assert_eq!(story.step(), Act::EndJob);
    story.end(&json!({"type": "Failed", "reason": "DeadlineExceeded"}));
    assert_eq!(story.decide().act, Act::LookAtPods);
    story.pods = vec![ended_pod("Failed", "stopped")];
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Terminated);
    let result = story.polecat.status.unwrap().result.unwrap();
    assert_eq!(result.branch.as_deref(), Some("b"));
}

#[test]
fn last_words_of_a_pod_that_goes_away_are_kept() {
    let mut story = Story::started();
    let mut pod = ended_pod("Failed", "stopped");
    pod.metadata.deletion_timestamp = Some(Time(noon()));
    story.pods = vec![pod];
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Working);
    story.pods.clear();
    story.end(&json!({"type": "Failed", "reason": "DeadlineExceeded"}));
    story.step();
    let result = story.polecat.status.unwrap().result.unwrap();
    assert_eq!(result.branch.as_deref(), Some("b"));
}

#[test]
fn ended_polecat_never_starts_again() {
    let mut story = Story::started();
    story.end(&json!({"type": "Complete"}));
    story.step();
    story.job = None;
    assert_eq!(story.step(), Act::Nothing);
    let stray = Story::of(polecat("gt-1", 1)).decide().act;
    let Act::Create(stray) = stray else { panic!() };
    story.job = Some(made(*stray));
    assert_eq!(
        story.step(),
        Act::EndJob,
        "what a paused controller made too late is taken away"
    );
}

#[test]
fn job_that_somebody_deleted_is_looked_for_and_then_the_polecat_was_killed() {
    let mut story = Story::started();
    story.job = None;
    assert_eq!(story.decide().act, Act::Look);
    story.step();
    assert_eq!(
        (story.phase(), story.polecat.failure()),
        (PolecatPhase::Failed, Some(FailureClass::Killed))
    );
}

#[test]
fn terminated_polecat_says_so_before_its_job_is_ended_and_after_it_is_gone() {
    let mut story = Story::started();
    story.polecat.spec.desired_state = Some(DesiredState::Terminated);
    assert_eq!(story.step(), Act::EndJob);
    assert!(condition::is_true(&story.polecat, condition::STOPPING));
    assert_eq!(story.phase(), PolecatPhase::Working);
    story.polecat.spec.desired_state = Some(DesiredState::Working);
    assert_eq!(story.step(), Act::EndJob, "there is no way back");
    story.job = None;
    story.step();
    assert_eq!(
        (story.phase(), story.ready().0),
        (PolecatPhase::Terminated, "False Terminated".into())
    );
}

#[test]
fn polecat_that_never_had_a_job_is_terminated_after_a_look_without_cache() {
    let mut story = Story::of(polecat("gt-1", 1).wanted(DesiredState::Terminated));
    let first = story.decide();
    assert_eq!(
        (first.act, first.status.phase),
        (Act::Look, None),
        "the intention comes first"
    );
    story.step();
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Terminated);
}

#[test]
fn place_of_a_polecat_of_a_queue_is_kept_until_no_paused_controller_can_have_it_made() {
    let mut waiting = polecat("gt-1", 1).wanted(DesiredState::Terminated);
    waiting.spec.kubernetes = from_value(json!({"queueName": "agents"})).unwrap();
    let mut story = Story::of(waiting);
    story.step();
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Idle);
    let mut story = story.later(31);
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Terminated);
}

#[test]
fn closed_bead_stops_its_polecat_after_a_while() {
    let mut story = Story::started();
    story.fate = Fate::Closed;
    assert_eq!(story.step(), Act::Nothing);
    assert!(condition::is_false(&story.polecat, condition::BEAD_OPEN));
    assert_eq!(
        story.decide().wake,
        Some(before(0) + jiff::SignedDuration::from_secs(30))
    );
    let mut story = story.later(30);
    assert_eq!(story.step(), Act::EndJob);
    story.job = None;
    story.step();
    assert_eq!(
        (story.phase(), story.ready().0),
        (PolecatPhase::Terminated, "False BeadClosed".into())
    );
}

#[test]
fn agent_that_closes_its_bead_as_its_last_act_is_done() {
    let mut story = Story::started();
    story.fate = Fate::Closed;
    story.step();
    story.end(&json!({"type": "Complete"}));
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Done);
}

#[test]
fn bead_that_is_opened_again_in_time_lets_its_polecat_go_on() {
    let mut story = Story::started();
    story.fate = Fate::Reassigned {
        to: "mayor/".into(),
    };
    story.step();
    story.fate = Fate::Open;
    assert_eq!(story.step(), Act::Nothing);
    let mut story = story.later(60);
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Working)
    );
}

#[test]
fn closed_bead_stops_a_polecat_that_has_not_started_at_once() {
    let mut story = Story::of(polecat("gt-1", 1));
    story.fate = Fate::Deleted;
    story.step();
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Terminated);
}

#[test]
fn paused_polecat_gives_its_place_back_when_its_pods_are_gone_and_goes_on_in_another() {
    let mut story = Story::started();
    story.polecat.spec.desired_state = Some(DesiredState::Idle);
    assert_eq!(story.step(), Act::Suspend);
    let job = story.job.as_mut().unwrap();
    job.spec.as_mut().unwrap().suspend = Some(true);
    job.annotations_mut()
        .insert(work::STRETCH.into(), "1".into());
    assert_eq!(
        (story.step(), story.polecat.pauses()),
        (Act::Nothing, 0),
        "its pods still run"
    );
    story.job.as_mut().unwrap().status = None;
    assert_eq!(
        (story.step(), story.polecat.pauses(), story.phase()),
        (Act::Nothing, 1, PolecatPhase::Idle)
    );
    story.place = Place::Awaited("full".into());
    assert_eq!(
        (story.step(), story.polecat.pauses(), story.phase()),
        (Act::Nothing, 1, PolecatPhase::Idle)
    );
    story.polecat.spec.desired_state = Some(DesiredState::Working);
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Queued)
    );
    story.place = Place::Held;
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Start, PolecatPhase::Working)
    );
}

#[test]
fn pause_that_is_called_off_before_it_is_complete_still_takes_another_place() {
    let mut story = Story::started();
    let job = story.job.as_mut().unwrap();
    job.spec.as_mut().unwrap().suspend = Some(true);
    job.annotations_mut()
        .insert(work::STRETCH.into(), "1".into());
    assert_eq!(
        (story.step(), story.polecat.pauses(), story.phase()),
        (Act::Nothing, 1, PolecatPhase::Queued)
    );
}

#[test]
fn polecat_that_is_not_to_start_gives_its_place_back() {
    let mut story = Story::of(polecat("gt-1", 1).wanted(DesiredState::Idle));
    assert_eq!((story.step(), story.polecat.pauses()), (Act::Nothing, 1));
    story.place = Place::Awaited("not asked for".into());
    assert_eq!(
        (story.step(), story.polecat.pauses(), story.phase()),
        (Act::Nothing, 1, PolecatPhase::Idle)
    );
}

#[test]
fn job_of_kueue_is_followed_and_never_written() {
    let mut queued = polecat("gt-1", 1);
    queued.spec.kubernetes = from_value(json!({"queueName": "agents"})).unwrap();
    let mut story = Story::of(queued);
    let Act::CreateQueued(job) = story.step() else {
        panic!()
    };
    story.job = Some(made(*job));
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Queued)
    );
    assert_eq!(
        story.ready(),
        (
            "False Suspended".into(),
            "its Job waits in Kueue's LocalQueue agents".into()
        )
    );
    story.unsuspend();
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Working)
    );
    story.job.as_mut().unwrap().spec.as_mut().unwrap().suspend = Some(true);
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Queued),
        "preempted"
    );
    story.unsuspend();
    story.polecat.spec.desired_state = Some(DesiredState::Idle);
    assert_eq!(
        (story.step(), story.ready().0),
        (Act::Nothing, "False CannotPause".into())
    );
}

#[test]
fn image_that_cannot_be_pulled_ends_the_polecat_after_two_minutes() {
    let mut story = Story::started();
    let pod = |minutes| -> Pod {
        let mut pod: Pod = from_value(
            json!({"metadata": {"name": "p"}, "status": {"phase": "Pending", "containerStatuses": [
            {"name": "agent", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
             "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}}),
        )
        .unwrap();
        pod.metadata.creation_timestamp = Some(Time(before(minutes)));
        pod
    };
    story.pods = vec![pod(1)];
    assert_eq!(story.step(), Act::Nothing);
    assert_eq!(
        story.ready().1,
        "pod p waits: ImagePullBackOff: no such image"
    );
    assert_eq!(story.decide().wake, Some(before(-1)));
    story.pods = vec![pod(2)];
    assert_eq!(story.step(), Act::EndJob);
    (story.job, story.pods) = (None, vec![]);
    story.step();
    assert_eq!(
        (story.phase(), story.polecat.failure()),
        (PolecatPhase::Failed, Some(FailureClass::ImageNotPulled))
    );
}

#[test]
fn polecat_that_cannot_become_a_job_says_why_and_recovers() {
    let mut story = Story::of(polecat("gt-1", 1));
    story.inputs.missing = Some(Missing {
        reason: "NotFound",
        message: "there is no Secret llm".into(),
    });
    assert_eq!(story.step(), Act::Nothing);
    assert_eq!(
        story.ready(),
        ("False NotFound".into(), "there is no Secret llm".into())
    );
    assert!(
        condition::is_true(&story.polecat, condition::STALLED)
            && condition::is_false(&story.polecat, CONFIGURED)
    );
    assert_eq!(
        (story.polecat.pauses(), story.decide().wake.is_some()),
        (0, true),
        "dispatch keeps its place"
    );
    story.inputs.missing = None;
    assert!(matches!(story.step(), Act::Create(_)));
    assert!(
        condition::is_false(&story.polecat, condition::STALLED)
            && condition::is_true(&story.polecat, CONFIGURED)
    );
}

#[test]
fn one_that_a_person_made_and_that_cannot_become_a_job_does_not_stand_in_the_way() {
    let mut wrong = by_hand(
        "p",
        json!({"rig": "rig", "agent": "custom", "beadID": "gt-1"}),
    );
    wrong.metadata.finalizers = Some(vec![work::FINALIZER.into()]);
    let mut story = Story::of(wrong);
    assert_eq!((story.step(), story.polecat.pauses()), (Act::Nothing, 1));
}

#[test]
fn job_of_somebody_else_is_left_alone() {
    let mut story = Story::of(polecat("gt-1", 1));
    let Act::Create(job) = story.decide().act else {
        panic!()
    };
    let mut foreign = made(*job);
    foreign.metadata.owner_references = Some(vec![OwnerReference {
        uid: "another".into(),
        ..OwnerReference::default()
    }]);
    story.job = Some(foreign);
    assert_eq!(
        (story.step(), story.ready().0),
        (Act::Nothing, "False NameTaken".into())
    );
    story.polecat.spec.desired_state = Some(DesiredState::Terminated);
    story.step();
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Terminated)
    );
}

#[test]
fn rotated_key_marks_the_running_polecat_and_nothing_else() {
    let mut story = Story::started();
    story.step();
    assert!(condition::is_true(&story.polecat, condition::KEY_CURRENT));
    story.inputs.key_hash = Some("k2".into());
    assert_eq!(
        (story.step(), story.phase()),
        (Act::Nothing, PolecatPhase::Working)
    );
    assert!(condition::is_false(&story.polecat, condition::KEY_CURRENT));
}

#[test]
fn finished_job_goes_away_after_its_time_but_not_at_once() {
    let mut short = polecat("gt-1", 1);
    short.spec.ttl_seconds_after_finished = Some(1);
    let mut story = Story::of(short);
    let Act::Create(job) = story.decide().act else {
        panic!()
    };
    story.job = Some(made(*job));
    story.step();
    story.end(&json!({"type": "Complete"}));
    assert_eq!(
        story.step(),
        Act::Nothing,
        "first the outcome is written down"
    );
    // The Rig's template still makes an order for the ended one.
    assert_eq!(story.step(), Act::SetTtl(30));
    story
        .job
        .as_mut()
        .unwrap()
        .spec
        .as_mut()
        .unwrap()
        .ttl_seconds_after_finished = Some(30);
    assert_eq!(story.step(), Act::Nothing);
}

#[test]
fn deleted_polecat_ends_its_job_and_then_lets_go() {
    let mut story = Story::started();
    story.polecat.metadata.deletion_timestamp = Some(Time(noon()));
    assert_eq!(story.step(), Act::EndJob);
    story.job = None;
    assert_eq!(story.step(), Act::Nothing);
    assert_eq!(
        (story.phase(), story.step()),
        (PolecatPhase::Terminated, Act::RemoveFinalizer)
    );
}

#[test]
fn local_polecat_is_left_alone_and_says_so() {
    let mut story = Story::of(by_hand(
        "p",
        json!({"executionMode": "local", "beadID": "gt-1"}),
    ));
    assert_eq!(
        (story.step(), story.ready().0),
        (Act::Nothing, "False LocalMode".into())
    );
    assert_eq!(story.polecat.status.as_ref().unwrap().phase, None);
}

#[test]
fn decision_that_was_written_down_is_not_written_again() {
    let mut story = Story::started();
    story.step();
    let written = story.polecat.status.clone();
    let mut story = story.later(5);
    story.step();
    assert_eq!(story.polecat.status, written);
}

#[test]
fn job_that_ended_before_anybody_saw_it_work_has_started_all_the_same() {
    let mut story = Story::started();
    story.end(&json!({"type": "Complete"}));
    let job = story.job.as_mut().unwrap();
    job.status.as_mut().unwrap().start_time = Some(Time(before(1)));
    story.step();
    assert_eq!(story.phase(), PolecatPhase::Done);
    let status = story.polecat.status.unwrap();
    assert_eq!(status.started_at, Some(Time(before(1))));
}

#[test]
fn what_is_seen_of_a_pod_has_time_and_what_changes_the_phase_has_not() {
    let mut story = Story::started();
    story.step();
    let before = story.polecat.status.clone().unwrap();
    story.pods = vec![
        from_value(json!({"metadata": {"name": "pod"}, "status": {"phase": "Running"}})).unwrap(),
    ];
    let with_pod = story.decide().status;
    assert_ne!(with_pod, before);
    assert!(!is_urgent(Some(&before), &with_pod));
    story.end(&json!({"type": "Complete"}));
    assert!(is_urgent(Some(&before), &story.look(true).status));
    assert!(is_urgent(None, &before));
}
