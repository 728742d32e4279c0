//! What a Polecat's status should say, and what is to be done next. One step at a time: whatever was seen, the next look goes on from
//! there, so a controller may stop at any point. Why the steps come in this order stands in [`super::slot`].

use std::time::Duration;

use beadlet_store::keys::work;
use beadlet_store::kinds::{DesiredState, FailureClass, Polecat, PolecatPhase, PolecatStatus};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::attempt::Attempt;
use super::bead::Bead;
use super::condition::{self, CONFIGURED, Said};
use super::fate::Fate;
use super::job::job;
use super::name::job_name;
use super::order::{Order, OrderError};
use super::outcome::{Outcome, newest, outcome};
use super::pod::has_ended;
use sight::Seen;
use stop::Stop;

mod say;
mod sight;
mod stop;

/// A finished Job is kept for at least this long, and a place that nobody started for as long: a controller that was paused just before
/// it would have created the Job finds its name taken, or its place not given to another yet.
pub const STALE_WRITER: Duration = Duration::from_secs(30);

/// How often it is looked for what a Polecat refers to and does not exist.
const MISSING_INPUT: Duration = Duration::from_secs(10);

/// Everything that was seen of one Polecat.
#[derive(Debug)]
pub struct View<'a> {
    pub polecat: &'a Polecat,
    pub order: &'a Result<Order, OrderError>,
    pub inputs: &'a Inputs,
    pub job: JobSight<'a>,
    /// The pods of its Job that can be seen.
    pub pods: &'a [&'a Pod],
    /// Whether they were read without cache, after the Job was seen.
    pub are_pods_fresh: bool,
    pub place: Place,
    pub bead: Option<&'a Bead>,
    pub fate: Fate,
    /// How long it may go on when its bead is not open any more.
    pub grace: Duration,
    /// Whether dispatch starts another attempt should this one fail, depending on how.
    pub is_tried_again: &'a dyn RetryRule,
    pub now: Timestamp,
}

/// Whether a failure is followed by another attempt.
pub trait RetryRule: std::fmt::Debug {
    fn applies(&self, class: FailureClass) -> bool;
}

/// What a Job needs beside its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The first object that is referred to and cannot be had.
    pub missing: Option<Missing>,
    /// Fingerprint of the model key as its Secret holds it now.
    pub key_hash: Option<String>,
}

/// Why an object that is referred to cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// CamelCase.
    pub reason: &'static str,
    /// What to do about it.
    pub message: String,
}

/// A Job as it was seen.
#[derive(Clone, Copy, Debug)]
pub enum JobSight<'a> {
    /// In the cache, which may be behind.
    Cached(Option<&'a Job>),
    /// By a read without cache, after everything else was seen.
    Fresh(Option<&'a Job>),
}

/// A Polecat's place among those of its Rig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It belongs to no Rig.
    NotNeeded,
    Held,
    /// Why not, for people.
    Awaited(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Written first, by compare-and-swap, where it differs.
    pub status: PolecatStatus,
    pub act: Act,
    /// When to look again, if nothing happens before.
    pub wake: Option<Timestamp>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Nothing,
    AddFinalizer,
    /// After its slot was found gone.
    RemoveFinalizer,
    /// Read the Job without cache, and decide again.
    Look,
    /// Read the pods of the Job without cache, and decide again.
    LookAtPods,
    /// Create the suspended Job.
    Create(Box<Job>),
    /// Create the Job that Kueue will start: with the checks of a start.
    CreateQueued(Box<Job>),
    /// Unsuspend the Job, after the checks.
    Start,
    /// Suspend the Job, for the stretch after the next pause.
    Suspend,
    /// Delete the Job, and its pods with it.
    EndJob,
    /// Let the Job go away that many seconds after its end.
    SetTtl(i32),
}

/// The decision for what was seen.
#[must_use]
pub fn decide(view: &View<'_>) -> Decision {
    let seen = Seen::of(view);
    if view.polecat.is_local() {
        return Decision::new(say::left_alone(view), Act::Nothing);
    }
    if view.polecat.is_final() {
        return after_the_end(view, &seen);
    }
    if let Some(stop) = stop::reason(view, &seen) {
        return stopping(view, &seen, &stop);
    }
    if let Some(outcome) = seen.job.and_then(|job| outcome(job, view.pods)) {
        return if are_pods_known(view) {
            finished(view, outcome)
        } else {
            Decision::new(say::current(view), Act::LookAtPods)
        };
    }
    let decision = match view.polecat.wanted() {
        DesiredState::Working if !view.polecat.is_held() => {
            Decision::new(say::current(view), Act::AddFinalizer)
        }
        DesiredState::Working => working(view, &seen),
        DesiredState::Idle | DesiredState::Terminated => idle(view, &seen),
    };
    Decision {
        wake: decision
            .wake
            .into_iter()
            .chain(stop::next_look(view, &seen))
            .min(),
        ..decision
    }
}

impl Decision {
    fn new(status: PolecatStatus, act: Act) -> Self {
        Self {
            status,
            act,
            wake: None,
        }
    }
}

/// An ended attempt never starts again; what is left of it is tidied up.
fn after_the_end(view: &View<'_>, seen: &Seen<'_>) -> Decision {
    let status = say::current(view);
    let act = match seen.job {
        _ if view.polecat.metadata.deletion_timestamp.is_some() && view.polecat.is_held() => {
            Act::RemoveFinalizer
        }
        Some(job) if outcome(job, view.pods).is_none() && !seen.is_deleting => Act::EndJob,
        Some(job) => ttl(view, job).map_or(Act::Nothing, Act::SetTtl),
        None => Act::Nothing,
    };
    Decision::new(status, act)
}

fn ttl(view: &View<'_>, job: &Job) -> Option<i32> {
    let wanted = view.order.as_ref().ok()?.ttl_seconds?;
    let least = i32::try_from(STALE_WRITER.as_secs()).unwrap_or(i32::MAX);
    let is_set = job
        .spec
        .as_ref()
        .is_some_and(|spec| spec.ttl_seconds_after_finished.is_some());
    (!is_set).then_some(wanted.max(least))
}

/// The intention is written down first; then the Job is ended; then the end is written down.
fn stopping(view: &View<'_>, seen: &Seen<'_>, stop: &Stop) -> Decision {
    let is_written = condition::is_true(view.polecat, condition::STOPPING);
    let status = say::stopping(view, stop);
    match (seen.job, view.job) {
        (Some(job), _) => match outcome(job, view.pods) {
            Some(_) if !are_pods_known(view) => Decision::new(status, Act::LookAtPods),
            Some(outcome) if outcome.failure.is_none() => finished(view, outcome),
            Some(_) => Decision::new(say::stopped(view, stop), Act::Nothing),
            None if seen.is_deleting => Decision::new(status, Act::Nothing),
            None => Decision::new(status, Act::EndJob),
        },
        (None, JobSight::Fresh(_)) if is_written => gone(view, stop, status),
        (None, _) => Decision::new(status, Act::Look),
    }
}

/// There is no Job. For one of Kueue's, whose creation cannot be tied to anything, some time has to pass.
fn gone(view: &View<'_>, stop: &Stop, status: PolecatStatus) -> Decision {
    let is_of_queue = view.order.as_ref().is_ok_and(|order| order.queue.is_some());
    let never_started = view.polecat.phase() != PolecatPhase::Working;
    let since = condition::find(view.polecat, condition::STOPPING)
        .map(|condition| condition.last_transition_time.0);
    let free_at = since
        .and_then(|since| since.checked_add(STALE_WRITER).ok())
        .filter(|at| *at > view.now);
    match free_at {
        Some(free_at) if is_of_queue && never_started => Decision {
            wake: Some(free_at),
            ..Decision::new(status, Act::Nothing)
        },
        _ => Decision::new(say::stopped(view, stop), Act::Nothing),
    }
}

/// Whether the pods were seen as they are after the end of their Job. The cache may not have heard of it, and what they said last would be
/// lost. After a pause the pod that has ended may be the one before it.
fn are_pods_known(view: &View<'_>) -> bool {
    let has_ended = || newest(view.pods).is_some_and(has_ended);
    view.are_pods_fresh || view.polecat.pauses() == 0 && has_ended()
}

fn finished(view: &View<'_>, outcome: Outcome) -> Decision {
    Decision::new(say::finished(view, outcome), Act::Nothing)
}

fn working(view: &View<'_>, seen: &Seen<'_>) -> Decision {
    let Some(job) = seen.job else {
        return without_job(view, seen);
    };
    if !seen.is_suspended {
        return Decision::new(say::working(view), Act::Nothing);
    }
    match (&view.place, seen.is_of_queue) {
        (_, true) => Decision::new(
            say::queued(view, "Suspended", say::waits_for_kueue(job)),
            Act::Nothing,
        ),
        (Place::Awaited(why), false) => {
            Decision::new(say::queued(view, "AwaitsPlace", why.clone()), Act::Nothing)
        }
        (_, false) if seen.is_for_this_stretch => Decision::new(say::working(view), Act::Start),
        // Suspended for a further stretch: the pause is not written down yet.
        (_, false) => Decision::new(say::gave_back(view), Act::Nothing),
    }
}

/// It has one Job, ever: when that is gone, somebody deleted it.
fn without_job(view: &View<'_>, seen: &Seen<'_>) -> Decision {
    if had_job(view.polecat) {
        return match view.job {
            JobSight::Cached(_) => Decision::new(say::current(view), Act::Look),
            JobSight::Fresh(_) => finished(view, stop::vanished(view)),
        };
    }
    if seen.is_of_another {
        let message = format!(
            "Job {} belongs to somebody else: delete it, or this Polecat",
            name_of_job(view.polecat)
        );
        return unconfigured(view, "NameTaken", message);
    }
    match (view.order, &view.inputs.missing) {
        (Err(error), _) => unconfigured(view, error.reason(), error.to_string()),
        (Ok(_), Some(missing)) => {
            let again = view.now.checked_add(MISSING_INPUT).ok();
            Decision {
                wake: again,
                ..unconfigured(view, missing.reason, missing.message.clone())
            }
        }
        (Ok(order), None) => create(view, order),
    }
}

fn create(view: &View<'_>, order: &Order) -> Decision {
    if let Place::Awaited(why) = &view.place {
        return Decision::new(say::queued(view, "AwaitsPlace", why.clone()), Act::Nothing);
    }
    let mut job = job(order);
    job.annotations_mut()
        .insert(work::STRETCH.to_owned(), view.polecat.pauses().to_string());
    let act = if order.queue.is_some() {
        Act::CreateQueued(job.into())
    } else {
        Act::Create(job.into())
    };
    Decision::new(
        say::queued(view, "Starting", "its Job is being made".into()),
        act,
    )
}

fn had_job(polecat: &Polecat) -> bool {
    polecat
        .status
        .as_ref()
        .is_some_and(|status| status.job_uid.is_some())
}

/// It cannot become a Job. One that a person made gives its place back, so that it does not stand in the way.
fn unconfigured(view: &View<'_>, reason: &'static str, message: String) -> Decision {
    let gives_back = view.place == Place::Held && !view.polecat.is_dispatched();
    let status = say::unconfigured(
        view,
        &Said::new(CONFIGURED, false, reason, message),
        gives_back,
    );
    Decision::new(status, Act::Nothing)
}

fn idle(view: &View<'_>, seen: &Seen<'_>) -> Decision {
    let is_started = view.polecat.phase() == PolecatPhase::Working;
    let has_place = is_started || view.place == Place::Held;
    match seen.job {
        Some(_) if seen.is_of_queue => Decision::new(say::cannot_pause(view, seen), Act::Nothing),
        Some(_) if seen.is_for_this_stretch && (has_place || !seen.is_suspended) => {
            Decision::new(say::pausing(view, seen), Act::Suspend)
        }
        Some(_) if seen.is_active => Decision::new(say::pausing(view, seen), Act::Nothing),
        None if had_job(view.polecat) => without_job(view, seen),
        _ if has_place => Decision::new(say::paused(view), Act::Nothing),
        _ => Decision::new(say::idle(view), Act::Nothing),
    }
}

/// The status of a Polecat with which something could not be done that a person has to see to. What it was before stays.
#[must_use]
pub fn troubled(
    polecat: &Polecat,
    reason: &'static str,
    message: &str,
    now: Timestamp,
) -> PolecatStatus {
    let mut status = polecat.status.clone().unwrap_or_default();
    let generation = polecat.metadata.generation;
    condition::set_trouble(&mut status.conditions, reason, message, generation, now);
    status
}

/// Whether the difference is one that others wait for, or that must not be lost. The rest is what can be seen of a pod that works.
#[must_use]
pub fn is_urgent(before: Option<&PolecatStatus>, after: &PolecatStatus) -> bool {
    let essence = |status: &PolecatStatus| {
        let mut status = PolecatStatus {
            pod_name: None,
            pod_active: None,
            last_activity: None,
            started_at: None,
            ..status.clone()
        };
        for condition in &mut status.conditions {
            condition.message.clear();
        }
        status
    };
    before.map(essence) != Some(essence(after))
}

/// The name of the Job of `polecat`.
#[must_use]
pub fn name_of_job(polecat: &Polecat) -> String {
    job_name(&polecat.name_any())
}

#[cfg(test)]
mod tests;
