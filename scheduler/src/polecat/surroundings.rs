//! What is around a Polecat.

use std::sync::Arc;
use std::time::Duration;

use beadlet_store::keys::{label, work};
use beadlet_store::kinds::{Convoy, Polecat, Rig};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::{Sight, Walk};
use crate::context::Context;
use crate::decide::attempt::Attempt;
use crate::decide::bead::Bead;
use crate::decide::fate::fate;
use crate::decide::lifecycle::{Decision, Inputs, JobSight, Place, View, decide};
use crate::decide::order::{Order, OrderError, Sources, order};
use crate::decide::policy::Policy;
use crate::decide::retry::Chances;
use crate::decide::slot::Slot;

/// How long a polecat may go on when its bead is not open any more and no Rig says.
const GRACE: Duration = Duration::from_secs(30);

/// What is around a Polecat, from the caches.
pub(super) struct Surroundings {
    rig: Option<Arc<Rig>>,
    policy: Option<Policy>,
    bead: Option<Arc<Bead>>,
    has_store: bool,
    convoy: Option<Arc<Convoy>>,
    earlier: Vec<Arc<Polecat>>,
}

impl Surroundings {
    pub(super) fn of(polecat: &Polecat, context: &Context) -> Self {
        let world = &context.world;
        let namespace = polecat.namespace().unwrap_or_default();
        let rig = polecat.spec.rig.as_deref().and_then(|rig| world.rig(rig));
        let known = polecat.bead().and_then(|key| world.beads.get(&key));
        Self {
            policy: rig.as_ref().and_then(|rig| Policy::parse(&rig.spec).ok()),
            rig,
            bead: known.map(|known| known.bead),
            has_store: polecat
                .labels()
                .get(label::STORE)
                .is_some_and(|store| world.has_store(&namespace, store)),
            convoy: convoy(polecat, context),
            earlier: earlier(polecat, context),
        }
    }

    pub(super) fn order(&self, polecat: &Polecat, context: &Context) -> Result<Order, OrderError> {
        order(Sources {
            polecat,
            rig: self.rig.as_deref(),
            bead: self.bead.as_deref(),
            convoy: self.convoy.as_deref(),
            defaults: &context.settings.defaults,
        })
    }

    pub(super) fn decide(
        &self,
        walk: &Walk<'_>,
        order: &Result<Order, OrderError>,
        inputs: &Inputs,
    ) -> Decision {
        let polecat = &walk.polecat;
        let pods = walk.pods();
        let pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).collect();
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
            are_pods_fresh: walk.pods.is_some(),
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
            rig.spec.settings.limit()
        ))
    }
}

/// The convoy that its label names, else the oldest that tracks its bead.
fn convoy(polecat: &Polecat, context: &Context) -> Option<Arc<Convoy>> {
    let world = &context.world;
    let tracking = || {
        let mut convoys = world.links.convoys(&polecat.bead()?).into_iter();
        convoys.next().map(|(_, name)| name)
    };
    let labelled = polecat.labels().get(work::CONVOY).cloned();
    let name = labelled.or_else(tracking)?;
    world.convoy(&polecat.namespace().unwrap_or_default(), &name)
}

/// The attempts at its bead before it, oldest first.
fn earlier(polecat: &Polecat, context: &Context) -> Vec<Arc<Polecat>> {
    let bead = polecat.bead();
    let mut earlier = bead.map_or_else(Vec::new, |bead| context.world.attempts(&bead));
    earlier.retain(|other| other.uid() != polecat.uid() && other.number() <= polecat.number());
    earlier.sort_by_key(|other| {
        let created = other.metadata.creation_timestamp.as_ref();
        (created.map(|time| time.0), other.number())
    });
    earlier
}

/// Whether the slot stands in the Rig's status.
pub(super) fn holds(rig: &Rig, slot: &Slot) -> bool {
    let slot = slot.to_string();
    rig.status
        .iter()
        .flat_map(|status| status.slots.iter().flatten())
        .any(|text| *text == slot)
}
