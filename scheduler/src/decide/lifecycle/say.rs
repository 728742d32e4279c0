//! What a Polecat's status says at each point of its life.

use beadlet_store::kinds::{PolecatPhase, PolecatStatus};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::sight::Seen;
use super::stop::Stop;
use super::{JobSight, Outcome, View, name_of_job};
use crate::decide::attempt::Attempt;
use crate::decide::condition::{self, BEAD_OPEN, CONFIGURED, KEY_CURRENT, READY, STOPPING, Said};
use crate::decide::outcome::{newest, pushed};
use conditions::{at_rest, bead_condition, configured, key_condition, set, under_way};
use pod::{is_active, last_activity, pod_words};

mod conditions;
mod pod;

/// The status as it is, with what is always true brought up to date.
pub(super) fn current(view: &View<'_>) -> PolecatStatus {
    let polecat = view.polecat;
    let mut status = polecat.status.clone().unwrap_or_default();
    status.observed_generation = polecat.metadata.generation;
    status.attempt = Some(i64::from(polecat.number()));
    status.assigned_bead = polecat.bead().map(|bead| bead.id);
    let (JobSight::Cached(job) | JobSight::Fresh(job)) = view.job;
    let is_ours = |job: &&Job| {
        job.owner_references()
            .iter()
            .any(|owner| Some(&owner.uid) == polecat.metadata.uid.as_ref())
    };
    let job = job.filter(is_ours);
    status.job_uid = status.job_uid.or_else(|| job?.metadata.uid.clone());
    status.started_at = status
        .started_at
        .or_else(|| job?.status.as_ref()?.start_time.clone());
    let pod = newest(view.pods);
    status.pod_active = Some(pod.is_some_and(is_active));
    if let Some(pod) = pod {
        status.pod_name = Some(pod.name_any());
        status.last_activity = last_activity(pod).or(status.last_activity);
        // A pod that goes away takes its last words along.
        let is_going = pod.metadata.deletion_timestamp.is_some() && !polecat.is_final();
        status.result = Some(pod)
            .filter(|_| is_going)
            .and_then(pushed)
            .or(status.result);
    }
    if let (Ok(order), false) = (view.order, polecat.is_final()) {
        status.agent = Some(order.agent);
        status.agent_image = Some(order.agent_image.clone());
        status.agent_model = order.model.name.clone();
        status.branch = Some(order.git.work_branch.clone());
        status.alias = Some(order.alias.clone());
    }
    status
}

pub(super) fn left_alone(view: &View<'_>) -> PolecatStatus {
    let mut status = view.polecat.status.clone().unwrap_or_default();
    status.observed_generation = view.polecat.metadata.generation;
    let message =
        "executionMode is local: a program outside of the cluster runs it, beadlet leaves it alone";
    set(
        view,
        &mut status,
        &Said::new(READY, false, "LocalMode", message),
    );
    status
}

pub(super) fn idle(view: &View<'_>) -> PolecatStatus {
    let mut status = current(view);
    status.phase = Some(PolecatPhase::Idle);
    condition::unset(&mut status.conditions, CONFIGURED);
    under_way(
        view,
        &mut status,
        false,
        "Idle",
        "it is not to be started: spec.desiredState".into(),
    );
    status
}

/// It waits.
pub(super) fn queued(view: &View<'_>, reason: &'static str, message: String) -> PolecatStatus {
    let mut status = current(view);
    status.phase = Some(PolecatPhase::Queued);
    status.job_name = Some(name_of_job(view.polecat));
    configured(view, &mut status);
    under_way(view, &mut status, true, reason, message);
    status
}

pub(super) fn waits_for_kueue(job: &Job) -> String {
    let queue = job
        .labels()
        .get(beadlet_store::keys::work::QUEUE)
        .map_or("", String::as_str);
    format!("its Job waits in Kueue's LocalQueue {queue}")
}

/// It cannot become a Job until somebody changes something.
pub(super) fn unconfigured(view: &View<'_>, why: &Said, gives_back: bool) -> PolecatStatus {
    let mut status = current(view);
    status.phase = Some(PolecatPhase::Queued);
    if gives_back {
        status.pauses = Some(view.polecat.pauses() + 1);
    }
    set(view, &mut status, why);
    conditions::stalled(view, &mut status, why);
    status
}

/// Its Job runs, or is about to.
pub(super) fn working(view: &View<'_>) -> PolecatStatus {
    let mut status = current(view);
    let is_first_time = view.polecat.phase() != PolecatPhase::Working;
    status.phase = Some(PolecatPhase::Working);
    status.job_name = Some(name_of_job(view.polecat));
    if is_first_time {
        status.key_hash = view.inputs.key_hash.clone();
        status.bead_revision = view
            .bead
            .map(|bead| bead.revision.to_string())
            .or(status.bead_revision);
    }
    configured(view, &mut status);
    key_condition(view, &mut status);
    bead_condition(view, &mut status);
    under_way(
        view,
        &mut status,
        true,
        "Working",
        pod_words(newest(view.pods)),
    );
    status
}

/// Asked to pause; its Job still runs.
pub(super) fn pausing(view: &View<'_>, seen: &Seen<'_>) -> PolecatStatus {
    let mut status = if seen.is_suspended {
        current(view)
    } else {
        working(view)
    };
    under_way(
        view,
        &mut status,
        true,
        "Pausing",
        "its Job is being suspended: spec.desiredState is Idle".into(),
    );
    status
}

/// The pause is complete: its place is free for others.
pub(super) fn paused(view: &View<'_>) -> PolecatStatus {
    let mut status = idle(view);
    status.phase = Some(PolecatPhase::Idle);
    status.pauses = Some(view.polecat.pauses() + 1);
    under_way(
        view,
        &mut status,
        false,
        "Paused",
        "its Job is suspended: spec.desiredState is Idle".into(),
    );
    status
}

/// A pause that was asked for and called off before it was written down.
pub(super) fn gave_back(view: &View<'_>) -> PolecatStatus {
    let mut status = queued(
        view,
        "AwaitsPlace",
        "it was paused, and waits for a place".into(),
    );
    status.pauses = Some(view.polecat.pauses() + 1);
    status
}

pub(super) fn cannot_pause(view: &View<'_>, seen: &Seen<'_>) -> PolecatStatus {
    let mut status = if seen.is_suspended {
        queued(view, "Suspended", String::new())
    } else {
        working(view)
    };
    let message = "a Job of Kueue cannot be paused: set spec.desiredState to Working or Terminated";
    under_way(view, &mut status, true, "CannotPause", message.into());
    status
}

/// It is to be ended, for good.
pub(super) fn stopping(view: &View<'_>, stop: &Stop) -> PolecatStatus {
    let mut status = current(view);
    bead_condition(view, &mut status);
    set(
        view,
        &mut status,
        &Said::new(STOPPING, true, stop.reason, stop.message.clone()),
    );
    under_way(view, &mut status, true, stop.reason, stop.message.clone());
    status
}

/// It was ended before its Job ended by itself.
pub(super) fn stopped(view: &View<'_>, stop: &Stop) -> PolecatStatus {
    match stop.class {
        Some(class) => finished(
            view,
            Outcome {
                failure: Some(class),
                is_permanent: false,
                message: stop.message.clone(),
                result: None,
                at: None,
            },
        ),
        None => {
            let mut status = ended(view, None);
            status.phase = Some(PolecatPhase::Terminated);
            status.result = newest(view.pods).and_then(pushed).or(status.result);
            at_rest(
                view,
                &mut status,
                &Said::new(READY, false, stop.reason, stop.message.clone()),
                false,
            );
            status
        }
    }
}

/// Its Job ended.
pub(super) fn finished(view: &View<'_>, outcome: Outcome) -> PolecatStatus {
    let mut status = ended(view, outcome.at.map(Time));
    status.result = outcome.result.or(status.result);
    match outcome.failure {
        None => {
            status.phase = Some(PolecatPhase::Done);
            at_rest(
                view,
                &mut status,
                &Said::new(READY, true, "Done", outcome.message),
                false,
            );
        }
        Some(class) => {
            let is_tried_again = !outcome.is_permanent && view.is_tried_again.applies(class);
            status.phase = Some(if is_tried_again {
                PolecatPhase::Failed
            } else {
                PolecatPhase::Stuck
            });
            status.failure_class = Some(class);
            status.permanent = outcome.is_permanent.then_some(true);
            at_rest(
                view,
                &mut status,
                &Said::new(READY, false, class.as_str(), outcome.message),
                true,
            );
        }
    }
    status
}

fn ended(view: &View<'_>, at: Option<Time>) -> PolecatStatus {
    let mut status = current(view);
    status.pod_active = Some(false);
    status.finished_at = Some(at.unwrap_or(Time(view.now)));
    status.bead_revision = view
        .bead
        .map(|bead| bead.revision.to_string())
        .or(status.bead_revision);
    for type_ in [STOPPING, KEY_CURRENT, BEAD_OPEN] {
        condition::unset(&mut status.conditions, type_);
    }
    status
}
