//! The steps of a Polecat that change something.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::surroundings::holds;
use super::{SOON, Sight, Step, Walk};
use crate::decide::attempt::Attempt;
use crate::decide::lifecycle::name_of_job;
use crate::decide::slot::{PolecatKey, Slot};
use crate::fault::Fault;
use crate::world::Known;

impl Walk<'_> {
    fn job(&self) -> Option<&Job> {
        match &self.job {
            Sight::Cached(job) => job.as_deref(),
            Sight::Fresh(job) => job.as_deref(),
        }
    }

    fn saw(&mut self, job: Option<Job>) {
        if let Some(job) = &job {
            self.context.world.own_jobs.put(job);
        }
        self.job = Sight::Fresh(job.map(Box::new));
        self.pods = None;
        self.is_confirmed = false;
    }

    pub(super) async fn look(&mut self) -> Result<Step, Fault> {
        let job = self
            .context
            .cluster
            .job(&self.key().namespace, &name_of_job(&self.polecat))
            .await?;
        self.saw(job);
        Ok(Step::GoOn)
    }

    pub(super) async fn look_at_pods(&mut self) -> Result<Step, Fault> {
        let pods = self.context.cluster.pods(&self.key()).await?;
        self.pods = Some(pods.into_iter().map(Arc::new).collect());
        Ok(Step::GoOn)
    }

    /// Twice is once: a Job of that name that is there is looked at.
    pub(super) async fn create(&mut self, job: &Job) -> Result<Step, Fault> {
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
                Ok(Step::GoOn)
            }
            Err(fault) if fault.is_already_exists() => self.look().await,
            Err(fault) => Err(fault),
        }
    }

    fn count_creation(&self) {
        let Some(since) = self.known_bead().and_then(|known| known.ready_since) else {
            return;
        };
        let after = Duration::try_from(Timestamp::now().duration_since(since)).unwrap_or_default();
        let rig = self.polecat.spec.rig.as_deref().unwrap_or_default();
        self.context.observations.job_created(rig, after);
    }

    /// The checks between seeing a Job and starting it: see [`crate::decide::slot`].
    pub(super) async fn may_start(&mut self) -> Result<bool, Fault> {
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
        let rig = self.context.rig(rig).await?;
        let slot = Slot::of(&self.polecat);
        Ok(rig.as_ref().as_ref().is_some_and(|rig| holds(rig, &slot)))
    }

    pub(super) async fn start(&mut self) -> Result<Step, Fault> {
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

    /// Suspends the Job for the next stretch of work.
    pub(super) async fn suspend(&mut self) -> Result<Step, Fault> {
        let next = self.polecat.pauses() + 1;
        if let Some(job) = self.job() {
            let job = self.context.cluster.suspend_job(job, next).await?;
            self.saw(Some(job));
        }
        Ok(Step::GoOn)
    }

    pub(super) async fn end_job(&mut self) -> Result<(), Fault> {
        match self.job() {
            Some(job) => self.context.cluster.delete_job(job).await,
            None => Ok(()),
        }
    }

    pub(super) async fn set_ttl(&mut self, seconds: i32) -> Result<(), Fault> {
        match self.job() {
            Some(job) => self.context.cluster.set_ttl(job, seconds).await.map(drop),
            None => Ok(()),
        }
    }

    /// Puts the finalizer on.
    pub(super) async fn hold_on(&mut self) -> Result<Step, Fault> {
        self.polecat = self.context.cluster.hold(&self.polecat).await?;
        Ok(Step::GoOn)
    }

    /// Gives its slot back, notes its attempt on the bead, and takes the finalizer off.
    pub(super) async fn let_go(&mut self) -> Result<Step, Fault> {
        self.release_slots().await?;
        self.note_attempt().await?;
        self.context.cluster.let_go(&self.polecat).await?;
        Ok(Step::Rest(Action::await_change()))
    }

    async fn note_attempt(&self) -> Result<(), Fault> {
        let attempt = self.polecat.number();
        let known = self.known_bead();
        let Some(Known { bead, .. }) = known.filter(|known| known.bead.last_attempt < attempt)
        else {
            return Ok(());
        };
        match self.context.cluster.remember_attempt(&bead, attempt).await {
            Err(fault) if !fault.is_not_found() => Err(fault),
            _ => Ok(()),
        }
    }

    fn known_bead(&self) -> Option<Known> {
        self.context.world.beads.get(&self.polecat.bead()?)
    }

    async fn release_slots(&self) -> Result<(), Fault> {
        let Some(name) = &self.polecat.spec.rig else {
            return Ok(());
        };
        let Some(mut rig) = self.context.cluster.rig(name).await? else {
            return Ok(());
        };
        if rig.spec.settings.max_polecats.is_none() {
            // A write would make the loss final, see `crate::rig`.
            return Err(Fault::NotKept {
                kind: "Rig",
                fields: vec!["spec.settings.maxPolecats".into()],
            });
        }
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
}
