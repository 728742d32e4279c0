//! The Polecat controller: one Polecat, step by step, as [`crate::decide::lifecycle`] says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use beadlet_store::keys::{label, work};
use beadlet_store::kinds::{Convoy, Polecat, Rig};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::decide::attempt::Attempt;
use crate::decide::bead::Bead;
use crate::decide::fate::fate;
use crate::decide::lifecycle::{
    Act, Decision, Inputs, JobSight, Place, View, decide, name_of_job, troubled,
};
use crate::decide::order::{Order, OrderError, Sources, order};
use crate::decide::policy::Policy;
use crate::decide::retry::Chances;
use crate::decide::slot::{PolecatKey, Slot};
use crate::fault::Fault;
use crate::observations::Controller;
use crate::world::Known;

/// More steps than a Polecat ever takes at once.
const STEPS: usize = 12;
/// How long a polecat may go on when its bead is not open any more and no Rig says.
const GRACE: Duration = Duration::from_secs(30);
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
    let begin = Instant::now();
    let mut walk = Walk::of(&polecat, &context);
    let answer = walk.go().await;
    context.looked(Controller::Polecat, begin, &answer);
    if let Err(fault) = &answer {
        walk.say(fault).await;
    }
    answer
}

/// A Polecat on its way.
struct Walk<'a> {
    context: &'a Context,
    /// As it was seen, or as it was written last.
    polecat: Polecat,
    job: Sight,
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
    fn of(polecat: &Polecat, context: &'a Context) -> Self {
        let namespace = polecat.namespace().unwrap_or_default();
        let job = context.world.job(&namespace, &name_of_job(polecat));
        Self {
            context,
            polecat: polecat.clone(),
            job: Sight::Cached(job),
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
        let can_wait =
            matches!(act, Act::Create(_)) && (self.polecat.is_dispatched() || self.has_job_name());
        if !can_wait && self.polecat.status.as_ref() != Some(&status) {
            self.write(status).await?;
        }
        self.act(act, wake).await
    }

    fn has_job_name(&self) -> bool {
        self.polecat
            .status
            .as_ref()
            .is_some_and(|status| status.job_name.is_some())
    }

    async fn write(&mut self, status: beadlet_store::kinds::PolecatStatus) -> Result<(), Fault> {
        let before = self.polecat.status.clone().unwrap_or_default();
        let was_final = self.polecat.is_final();
        let wanted = Polecat {
            status: Some(status),
            ..self.polecat.clone()
        };
        self.polecat = self.context.cluster.write_polecat_status(&wanted).await?;
        self.polecat.managed_fields_mut().clear();
        self.is_confirmed = true;
        let after = self.polecat.status.clone().unwrap_or_default();
        self.context
            .teller
            .tell_changes(&self.polecat, &before.conditions, &after.conditions);
        if self.polecat.is_final() && !was_final {
            self.context.observations.polecat_ended(
                self.polecat.spec.rig.as_deref().unwrap_or_default(),
                after.failure_class,
            );
        }
        Ok(())
    }

    async fn act(&mut self, act: Act, wake: Option<Timestamp>) -> Result<Step, Fault> {
        match act {
            Act::Nothing => return Ok(Step::Rest(rest(wake))),
            Act::AddFinalizer => {
                let finalizers = [
                    self.polecat.finalizers().to_vec(),
                    vec![work::FINALIZER.to_owned()],
                ]
                .concat();
                self.polecat = self
                    .context
                    .cluster
                    .write_finalizers(&self.polecat, finalizers)
                    .await?;
            }
            Act::RemoveFinalizer => return self.let_go().await,
            Act::Look => self.look().await?,
            Act::Create(job) => self.create(&job).await?,
            Act::CreateQueued(job) => {
                if !self.may_start().await? {
                    return Ok(Step::Rest(Action::requeue(SOON)));
                }
                self.create(&job).await?;
            }
            Act::Start => return self.start().await,
            Act::Suspend => {
                let next = self.polecat.pauses() + 1;
                if let Some(job) = self.job() {
                    let job = self.context.cluster.suspend_job(job, next).await?;
                    self.saw(Some(job));
                }
            }
            Act::EndJob => {
                if let Some(job) = self.job() {
                    self.context.cluster.delete_job(job).await?;
                }
                return Ok(Step::Rest(rest(wake)));
            }
            Act::SetTtl(seconds) => {
                if let Some(job) = self.job() {
                    self.context.cluster.set_ttl(job, seconds).await?;
                }
                return Ok(Step::Rest(rest(wake)));
            }
        }
        Ok(Step::GoOn)
    }

    fn job(&self) -> Option<&Job> {
        match &self.job {
            Sight::Cached(job) => job.as_deref(),
            Sight::Fresh(job) => job.as_deref(),
        }
    }

    fn saw(&mut self, job: Option<Job>) {
        self.job = Sight::Fresh(job.map(Box::new));
        self.is_confirmed = false;
    }

    async fn look(&mut self) -> Result<(), Fault> {
        let job = self
            .context
            .cluster
            .job(&self.key().namespace, &name_of_job(&self.polecat))
            .await?;
        self.saw(job);
        Ok(())
    }

    /// Twice is once: a Job of that name that is there is looked at.
    async fn create(&mut self, job: &Job) -> Result<(), Fault> {
        match self.context.cluster.create_job(job).await {
            Ok(job) => {
                let PolecatKey { namespace, name } = self.key();
                tracing::info!(
                    namespace,
                    polecat = name,
                    job = job.name_any(),
                    "job created"
                );
                self.count_creation();
                self.saw(Some(job));
                Ok(())
            }
            Err(fault) if fault.is_already_exists() => self.look().await,
            Err(fault) => Err(fault),
        }
    }

    fn count_creation(&self) {
        let known = self
            .polecat
            .bead()
            .and_then(|bead| self.context.world.beads.get(&bead));
        if let Some(Known {
            ready_since: Some(since),
            ..
        }) = known
        {
            let after =
                Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default();
            self.context
                .observations
                .job_created(self.polecat.spec.rig.as_deref().unwrap_or_default(), after);
        }
    }

    /// The checks between seeing a Job and starting it: see [`crate::decide::slot`].
    async fn may_start(&mut self) -> Result<bool, Fault> {
        if !self.is_confirmed {
            let now = self.context.cluster.polecat(&self.key()).await?;
            if now.is_none_or(|now| {
                now.metadata.resource_version != self.polecat.metadata.resource_version
            }) {
                return Ok(false);
            }
        }
        let Some(rig) = &self.polecat.spec.rig else {
            return Ok(true);
        };
        let rig = self.context.cluster.rig(rig).await?;
        Ok(rig.is_some_and(|rig| holds(&rig, &Slot::of(&self.polecat))))
    }

    async fn start(&mut self) -> Result<Step, Fault> {
        if !self.may_start().await? {
            return Ok(Step::Rest(Action::requeue(SOON)));
        }
        let Some(job) = self.job() else {
            return Ok(Step::Rest(Action::requeue(SOON)));
        };
        let started = self
            .context
            .cluster
            .start_job(job, self.polecat.pauses())
            .await?;
        self.saw(Some(started));
        Ok(Step::GoOn)
    }

    /// Gives its slot back, notes its attempt on the bead, and takes the finalizer off.
    async fn let_go(&mut self) -> Result<Step, Fault> {
        self.release_slots().await?;
        let known = self
            .polecat
            .bead()
            .and_then(|bead| self.context.world.beads.get(&bead));
        let attempt = self.polecat.number();
        if let Some(Known { bead, .. }) = known.filter(|known| known.bead.last_attempt < attempt) {
            match self.context.cluster.remember_attempt(&bead, attempt).await {
                Err(fault) if !fault.is_not_found() => return Err(fault),
                _ => {}
            }
        }
        let others = self
            .polecat
            .finalizers()
            .iter()
            .filter(|name| *name != work::FINALIZER)
            .cloned()
            .collect();
        match self
            .context
            .cluster
            .write_finalizers(&self.polecat, others)
            .await
        {
            Err(fault) if !fault.is_not_found() => Err(fault),
            _ => Ok(Step::Rest(Action::await_change())),
        }
    }

    async fn release_slots(&self) -> Result<(), Fault> {
        let Some(name) = &self.polecat.spec.rig else {
            return Ok(());
        };
        let Some(mut rig) = self.context.cluster.rig(name).await? else {
            return Ok(());
        };
        let key = self.key();
        let is_ours = |text: &String| Slot::parse(text).is_some_and(|slot| slot.polecat == key);
        let Some(slots) = rig.status.as_mut().and_then(|status| status.slots.as_mut()) else {
            return Ok(());
        };
        let before = slots.len();
        slots.retain(|text| !is_ours(text));
        if slots.len() < before {
            self.context.cluster.write_rig_status(&rig).await?;
        }
        Ok(())
    }

    /// A fault that a person has to see to is said on the Polecat. Where even that is refused, the log has it.
    async fn say(&mut self, fault: &Fault) {
        let reason = fault.reason();
        if !reason.needs_a_person() || self.polecat.is_final() {
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

fn holds(rig: &Rig, slot: &Slot) -> bool {
    let slot = slot.to_string();
    rig.status
        .iter()
        .flat_map(|status| status.slots.iter().flatten())
        .any(|text| *text == slot)
}

/// What is around a Polecat, from the caches.
struct Surroundings {
    rig: Option<Arc<Rig>>,
    policy: Option<Policy>,
    bead: Option<Arc<Bead>>,
    has_store: bool,
    convoy: Option<Arc<Convoy>>,
    earlier: Vec<Arc<Polecat>>,
    pods: Vec<Arc<Pod>>,
}

impl Surroundings {
    fn of(polecat: &Polecat, context: &Context) -> Self {
        let world = &context.world;
        let namespace = polecat.namespace().unwrap_or_default();
        let rig = polecat.spec.rig.as_deref().and_then(|rig| world.rig(rig));
        let key = polecat.bead();
        let bead = key
            .as_ref()
            .and_then(|key| world.beads.get(key))
            .map(|known| known.bead);
        let of_bead = || {
            world
                .links
                .convoys(key.as_ref()?)
                .into_iter()
                .next()
                .map(|(_, name)| name)
        };
        let convoy = polecat.labels().get(work::CONVOY).cloned().or_else(of_bead);
        let mut earlier = key
            .as_ref()
            .map_or_else(Vec::new, |key| world.attempts(key));
        earlier.retain(|other| other.uid() != polecat.uid() && other.number() <= polecat.number());
        earlier.sort_by_key(|other| {
            (
                other
                    .metadata
                    .creation_timestamp
                    .as_ref()
                    .map(|time| time.0),
                other.number(),
            )
        });
        Self {
            policy: rig.as_ref().and_then(|rig| Policy::parse(&rig.spec).ok()),
            rig,
            bead,
            has_store: polecat
                .labels()
                .get(label::STORE)
                .is_some_and(|store| world.has_store(&namespace, store)),
            convoy: convoy.and_then(|name| world.convoy(&namespace, &name)),
            earlier,
            pods: world.pods_of(&PolecatKey::of(polecat)),
        }
    }

    fn order(&self, polecat: &Polecat, context: &Context) -> Result<Order, OrderError> {
        order(Sources {
            polecat,
            rig: self.rig.as_deref(),
            bead: self.bead.as_deref(),
            convoy: self.convoy.as_deref(),
            defaults: &context.settings.defaults,
        })
    }

    fn decide(
        &self,
        walk: &Walk<'_>,
        order: &Result<Order, OrderError>,
        inputs: &Inputs,
    ) -> Decision {
        let polecat = &walk.polecat;
        let pods: Vec<&Pod> = self.pods.iter().map(AsRef::as_ref).collect();
        let earlier: Vec<&Polecat> = self.earlier.iter().map(AsRef::as_ref).collect();
        decide(&View {
            polecat,
            order,
            inputs,
            job: match &walk.job {
                Sight::Cached(job) => JobSight::Cached(job.as_deref()),
                Sight::Fresh(job) => JobSight::Fresh(job.as_deref()),
            },
            pods: &pods,
            place: self.place(polecat),
            bead: self.bead.as_deref(),
            fate: fate(polecat, self.bead.as_deref(), self.has_store),
            grace: self
                .policy
                .as_ref()
                .map_or(GRACE, |policy| policy.stop_grace),
            is_tried_again: &Chances::of(
                polecat,
                &earlier,
                self.policy.as_ref(),
                self.bead.is_some(),
            ),
            now: Timestamp::now(),
        })
    }

    fn place(&self, polecat: &Polecat) -> Place {
        let Some(name) = &polecat.spec.rig else {
            return Place::NotNeeded;
        };
        let Some(rig) = &self.rig else {
            return Place::Awaited(format!("there is no Rig {name}"));
        };
        if holds(rig, &Slot::of(polecat)) {
            return Place::Held;
        }
        let taken = rig
            .status
            .as_ref()
            .and_then(|status| status.slots.as_ref())
            .map_or(0, Vec::len);
        Place::Awaited(format!(
            "waits for one of the {} places of Rig {name}; {taken} are taken",
            rig.spec.settings.max_polecats
        ))
    }
}
