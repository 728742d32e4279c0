//! The Polecat controller: one Polecat, step by step, as [`crate::decide::lifecycle`] says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use beadlet_store::kinds::{Polecat, PolecatStatus, lost};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::{Context, LEISURE};
use crate::decide::attempt::Attempt;
use crate::decide::lifecycle::{Act, Decision, Inputs, is_urgent, name_of_job, troubled};
use crate::decide::order::{Order, OrderError};
use crate::decide::outcome::newest;
use crate::decide::slot::PolecatKey;
use crate::decide::{spans, story};
use crate::fault::{Fault, Reason};
use crate::observations::Controller;
use surroundings::Surroundings;

mod steps;
mod surroundings;

/// More steps than a Polecat ever takes at once.
const STEPS: usize = 12;
/// How long until a look that found others at work is repeated.
const SOON: Duration = Duration::from_millis(50);

/// Takes the steps that can be taken now.
///
/// # Errors
/// What the API server refused; the next look goes on from there.
pub(crate) async fn reconcile(
    polecat: Arc<Polecat>,
    context: Arc<Context>,
) -> Result<Action, Fault> {
    // What is said about a fault is a change too, and must not start the next try.
    if let Some(rest) = context.resting.rest_of(&resting(&polecat)) {
        return Ok(Action::requeue(rest));
    }
    let begin = Instant::now();
    let mut walk = Walk::of(polecat, &context);
    let answer = walk.go().await;
    context.looked(Controller::Polecat, begin, &answer);
    if let Err(fault) = &answer {
        walk.say(fault).await;
    }
    answer
}

fn resting(polecat: &Polecat) -> (Controller, String, String) {
    let PolecatKey { namespace, name } = PolecatKey::of(polecat);
    (Controller::Polecat, namespace, name)
}

/// A Polecat on its way.
struct Walk<'a> {
    context: &'a Context,
    /// As it was seen, or as it was written last.
    polecat: Polecat,
    job: Sight,
    /// The pods of the Job, where the cache was not asked.
    pods: Option<Vec<Arc<Pod>>>,
    /// Whether the status was written, by compare-and-swap, since the Job was seen.
    is_confirmed: bool,
}

/// A Job that somebody owns.
enum Sight {
    Cached(Option<Arc<Job>>),
    Fresh(Option<Box<Job>>),
}

/// Whether the walk goes on.
enum Step {
    GoOn,
    /// Something will happen, or that time will come.
    Rest(Action),
}

impl<'a> Walk<'a> {
    fn of(polecat: Arc<Polecat>, context: &'a Context) -> Self {
        let (world, key) = (&context.world, PolecatKey::of(&polecat));
        let ours = &world.own_polecats;
        let newer = ours.newer(&key.namespace, &key.name, Some(Arc::clone(&polecat)));
        let polecat = newer.unwrap_or(polecat);
        Self {
            context,
            job: Sight::Cached(world.job(&key.namespace, &name_of_job(&polecat))),
            polecat: polecat.as_ref().clone(),
            pods: None,
            is_confirmed: false,
        }
    }

    async fn go(&mut self) -> Result<Action, Fault> {
        for _ in 0..STEPS {
            let decision = self.decide().await?;
            if let Step::Rest(action) = self.take(decision).await? {
                return Ok(action);
            }
        }
        Ok(Action::requeue(SOON))
    }

    fn key(&self) -> PolecatKey {
        PolecatKey::of(&self.polecat)
    }

    fn pods(&self) -> Vec<Arc<Pod>> {
        let cached = || self.context.world.pods_of(&self.key());
        self.pods.clone().unwrap_or_else(cached)
    }

    async fn decide(&self) -> Result<Decision, Fault> {
        let surroundings = Surroundings::of(&self.polecat, self.context);
        let order = surroundings.order(&self.polecat, self.context);
        let inputs = self.inputs(&order).await?;
        Ok(surroundings.decide(self, &order, &inputs))
    }

    /// Only what has not ended needs anything.
    async fn inputs(&self, order: &Result<Order, OrderError>) -> Result<Inputs, Fault> {
        match order {
            Ok(order) if !self.polecat.is_final() && !self.polecat.is_local() => {
                self.context.inputs(&order.polecat.namespace, order).await
            }
            _ => Ok(Inputs::default()),
        }
    }

    /// Writes the status down, then acts.
    async fn take(&mut self, decision: Decision) -> Result<Step, Fault> {
        let Decision { status, act, wake } = decision;
        // A status before the Job is for people who wait; dispatch's own Polecats do not wait here, and each write costs time.
        let can_wait = match act {
            Act::Create(_) => self.polecat.is_dispatched() || self.has_job_name(),
            // What it shows is about to be written.
            Act::LookAtPods => true,
            _ => false,
        };
        if !can_wait && self.polecat.status.as_ref() != Some(&status) {
            if let Some(pause) = self.leisure(&act, &status) {
                return Ok(Step::Rest(Action::requeue(pause)));
            }
            self.write(status).await?;
        }
        self.act(act, wake).await
    }

    /// How long the status can wait: what becomes of a Job comes in small pieces, and each write costs time that others need.
    fn leisure(&self, act: &Act, status: &PolecatStatus) -> Option<Duration> {
        let age = self.context.polecat_writes.age_of(&self.key())?;
        let has_time = *act == Act::Nothing && !is_urgent(self.polecat.status.as_ref(), status);
        LEISURE.checked_sub(age).filter(|_| has_time)
    }

    fn has_job_name(&self) -> bool {
        self.polecat
            .status
            .as_ref()
            .is_some_and(|status| status.job_name.is_some())
    }

    async fn write(&mut self, status: PolecatStatus) -> Result<(), Fault> {
        let before = self.polecat.status.clone().unwrap_or_default();
        let was_final = self.polecat.is_final();
        let wanted = Polecat {
            status: Some(status),
            ..self.polecat.clone()
        };
        self.polecat = self.context.cluster.write_polecat_status(&wanted).await?;
        self.polecat.managed_fields_mut().clear();
        self.context.world.own_polecats.put(&self.polecat);
        self.context.polecat_writes.put(self.key(), ());
        self.is_confirmed = true;
        let after = self.polecat.status.clone().unwrap_or_default();
        self.context.teller.tell_changes_as(
            &self.polecat,
            &before.conditions,
            &after.conditions,
            |said| story::words(&self.polecat, said),
        );
        if self.polecat.is_final() && !was_final {
            self.context.observations.polecat_ended(
                self.polecat.spec.rig.as_deref().unwrap_or_default(),
                after.failure_class,
            );
            self.trace();
        }
        let fields = lost(&wanted.status, &self.polecat.status);
        if fields.is_empty() {
            return Ok(());
        }
        Err(Fault::NotKept {
            kind: "Polecat",
            fields,
        })
    }

    /// Tells what it did from its birth to its end.
    fn trace(&self) {
        let Some(watcher) = self.context.observations.watcher() else {
            return;
        };
        let pods = self.pods();
        let pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).collect();
        for span in spans::ended(&self.polecat, newest(&pods)) {
            watcher.tell(span);
        }
    }

    async fn act(&mut self, act: Act, wake: Option<Timestamp>) -> Result<Step, Fault> {
        match act {
            Act::Nothing => Ok(Step::Rest(rest(wake))),
            Act::AddFinalizer => self.hold_on().await,
            Act::RemoveFinalizer => self.let_go().await,
            Act::Look => self.look().await,
            Act::LookAtPods => self.look_at_pods().await,
            Act::Create(job) => self.create(&job).await,
            Act::CreateQueued(job) => {
                if self.may_start().await? {
                    self.create(&job).await
                } else {
                    Ok(Step::Rest(Action::requeue(SOON)))
                }
            }
            Act::Start => self.start().await,
            Act::Suspend => self.suspend().await,
            Act::EndJob => {
                self.end_job().await?;
                Ok(Step::Rest(rest(wake)))
            }
            Act::SetTtl(seconds) => {
                self.set_ttl(seconds).await?;
                Ok(Step::Rest(rest(wake)))
            }
        }
    }

    /// A fault that a person has to see to is said on the Polecat. Where even that is refused, the log has it.
    async fn say(&mut self, fault: &Fault) {
        let reason = fault.reason();
        if !reason.needs_a_person() {
            return;
        }
        self.context.resting.put(resting(&self.polecat), ());
        if self.polecat.is_final() && self.polecat.metadata.deletion_timestamp.is_none() {
            return;
        }
        let status = troubled(
            &self.polecat,
            reason.as_str(),
            &fault.to_string(),
            Timestamp::now(),
        );
        if self.polecat.status.as_ref() != Some(&status)
            && let Err(error) = self.write(status).await
            && error.reason() != Reason::NotKept
        {
            tracing::warn!(%error, namespace = self.polecat.namespace(), name = self.polecat.name_any(), "fault not said on the polecat");
        }
    }
}

fn rest(wake: Option<Timestamp>) -> Action {
    let until = wake
        .map(|wake| Duration::try_from(wake.duration_since(Timestamp::now())).unwrap_or_default());
    until.map_or_else(Action::await_change, |pause| {
        Action::requeue(pause + Duration::from_millis(10))
    })
}
