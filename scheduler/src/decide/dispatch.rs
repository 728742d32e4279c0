//! The plan of one Rig: which slots stay, who gets the free ones, who waits and why.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use beadlet_store::kinds::{Polecat, WaitReason, Waiting};
use jiff::Timestamp;

use super::attempt::{Attempt, Because, Ledger};
use super::batch::{Batches, Usage};
use super::bead::{Bead, BeadKey};
use super::claim;
use super::name::polecat_name;
use super::policy::Policy;
use super::scope::Scope;
use super::slot::{PolecatKey, Slot};
use super::verdict::{Verdict, Wait, verdict};
use super::window::{Doors, doors};

/// What was seen of a Rig.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The Rig's name.
    pub rig: &'a str,
    pub max_polecats: usize,
    pub policy: &'a Policy,
    /// The slots in the Rig's status.
    pub slots: &'a [Slot],
    /// The ready beads that lead to this Rig.
    pub beads: &'a [&'a Bead],
    /// All Polecats that this controller sees.
    pub polecats: &'a HashMap<PolecatKey, &'a Polecat>,
    /// All attempts at beads, whoever made them.
    pub ledger: &'a Ledger<'a>,
    pub batches: &'a Batches<'a>,
    /// Polecats of which the API server said, after the slots were read, that they do not exist.
    pub absent: &'a BTreeSet<PolecatKey>,
    /// What this controller sees; slots of other namespaces are none of its business.
    pub scope: &'a Scope,
    pub now: Timestamp,
}

/// What is to be done about a Rig.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// The slots that should stand in the status, in the order in which they were given.
    pub slots: Vec<Slot>,
    /// Polecats to create, in dispatch order. Each has its slot.
    pub create: Vec<NewPolecat<'a>>,
    /// Polecats with a slot that this controller does not know: to be looked for before their slots are given to others.
    pub look_for: Vec<PolecatKey>,
    /// What every waiting bead waits for.
    pub waits: Vec<(&'a Bead, Wait)>,
    /// Polecats that wait for a slot, and why.
    pub waiting_polecats: Vec<(PolecatKey, Wait)>,
    pub doors: Option<Doors>,
    /// When the plan changes by itself.
    pub wake: Option<Timestamp>,
}

/// A Polecat that should exist.
#[derive(Clone, Debug)]
pub struct NewPolecat<'a> {
    pub key: PolecatKey,
    pub bead: &'a Bead,
    /// From 1.
    pub attempt: u32,
    pub because: Because,
    /// The branch of an earlier attempt on which it goes on.
    pub branch: Option<String>,
}

/// The plan for what was seen. The same scene gives the same plan, and a plan that was carried out gives one that does nothing.
#[must_use]
pub fn plan<'a>(scene: &Scene<'a>) -> Plan<'a> {
    let mut planner = Planner::new(scene);
    let candidates = planner.candidates();
    planner.keep_slots(&candidates);
    planner.adopt();
    planner.admit_polecats();
    planner.admit_beads(candidates);
    planner.plan
}

struct Planner<'s, 'a> {
    scene: &'s Scene<'a>,
    /// What [`Plan::slots`] holds.
    given: HashSet<Slot>,
    usage: Usage,
    plan: Plan<'a>,
}

impl<'s, 'a> Planner<'s, 'a> {
    fn new(scene: &'s Scene<'a>) -> Self {
        let doors = doors(&scene.policy.windows, scene.now);
        let wake = match doors {
            Doors::Open { until } | Doors::Closed { until } => until,
        };
        Self {
            scene,
            given: HashSet::new(),
            usage: Usage::default(),
            plan: Plan {
                doors: Some(doors),
                wake,
                ..Plan::default()
            },
        }
    }

    /// The beads whose next attempt could start now, in dispatch order; the others wait.
    fn candidates(&mut self) -> Vec<NewPolecat<'a>> {
        let mut beads = self.scene.beads.to_vec();
        beads.sort_by(|a, b| a.order(b));
        let mut candidates = Vec::new();
        for bead in beads {
            let attempts = self.scene.ledger.attempts(&bead.key);
            match verdict(bead, attempts, self.scene.policy, self.scene.now) {
                Verdict::UnderWay(_) => {}
                Verdict::Next(next) => candidates.push(NewPolecat {
                    key: PolecatKey {
                        namespace: bead.key.namespace.clone(),
                        name: polecat_name(&bead.key.id, next.number),
                    },
                    bead,
                    attempt: next.number,
                    because: next.because,
                    branch: next.branch,
                }),
                Verdict::Wait(wait) => self.wait(bead, wait),
            }
        }
        candidates
    }

    /// Takes over the slots that still have a reason. One whose Polecat is not there yet has one when the Polecat is about to be
    /// created: by us, before a crash, or by another controller that leads at the same time.
    fn keep_slots(&mut self, candidates: &[NewPolecat<'a>]) {
        let about_to_be: HashMap<&PolecatKey, &NewPolecat<'_>> =
            candidates.iter().map(|new| (&new.key, new)).collect();
        for slot in self.scene.slots {
            let polecat = self.scene.polecats.get(&slot.polecat);
            let is_needed = match polecat {
                Some(polecat) => claim::keeps(polecat, self.scene.rig, slot),
                None if !self.scene.scope.sees(&slot.polecat.namespace)
                    || about_to_be.contains_key(&slot.polecat) =>
                {
                    true
                }
                None if self.scene.absent.contains(&slot.polecat) => false,
                None => {
                    self.plan.look_for.push(slot.polecat.clone());
                    true
                }
            };
            if is_needed {
                let bead = polecat.and_then(|polecat| polecat.bead());
                let bead = bead.or_else(|| {
                    about_to_be
                        .get(&slot.polecat)
                        .map(|new| new.bead.key.clone())
                });
                self.give(slot.clone(), bead.as_ref());
            }
        }
    }

    /// Gives a slot to whoever works without one: the list was lost, or is new. The limit does not matter here, only the truth.
    fn adopt(&mut self) {
        for polecat in self.without_slot(claim::works) {
            self.give(Slot::of(polecat), polecat.bead().as_ref());
        }
    }

    /// Lets waiting Polecats in, before any bead: somebody made them, or they were let in before.
    fn admit_polecats(&mut self) {
        for polecat in self.without_slot(claim::asks) {
            let bead = polecat.bead();
            match self.obstacle(bead.as_ref()) {
                None => self.give(Slot::of(polecat), bead.as_ref()),
                Some(wait) => self
                    .plan
                    .waiting_polecats
                    .push((PolecatKey::of(polecat), wait)),
            }
        }
    }

    fn admit_beads(&mut self, candidates: Vec<NewPolecat<'a>>) {
        for new in candidates {
            let slot = Slot {
                polecat: new.key.clone(),
                pauses: 0,
            };
            if self.given.contains(&slot) {
                self.plan.create.push(new);
                continue;
            }
            let closed = self.window_closed();
            match closed.or_else(|| self.obstacle(Some(&new.bead.key))) {
                None => {
                    self.give(slot, Some(&new.bead.key));
                    self.plan.create.push(new);
                }
                Some(wait) => self.wait(new.bead, wait),
            }
        }
    }

    fn window_closed(&self) -> Option<Wait> {
        match self.plan.doors {
            Some(Doors::Closed { until: Some(until) }) => Some(Wait::until(
                WaitReason::WindowClosed,
                until,
                format!("the next dispatch window opens at {until}"),
            )),
            Some(Doors::Closed { until: None }) => Some(Wait::new(
                WaitReason::WindowClosed,
                "no dispatch window opens any more: spec.dispatch.windows of the Rig",
            )),
            _ => None,
        }
    }

    /// What stands in the way of one more polecat.
    fn obstacle(&self, bead: Option<&BeadKey>) -> Option<Wait> {
        let (taken, max) = (self.plan.slots.len(), self.scene.max_polecats);
        if taken >= max {
            return Some(Wait::new(
                WaitReason::AtLimit,
                format!("{taken} of {max} polecats work: spec.settings.maxPolecats of the Rig"),
            ));
        }
        let convoy = self.usage.full(self.scene.batches, bead?)?;
        let (name, limit) = (
            convoy.metadata.name.as_deref().unwrap_or_default(),
            convoy.spec.parallelism,
        );
        Some(Wait::new(
            WaitReason::ConvoyLimit,
            format!("{limit} polecats of Convoy {name} work: its spec.parallelism"),
        ))
    }

    /// The Polecats of this Rig for which `needs` holds and that have no slot, oldest first.
    fn without_slot(&self, needs: fn(&Polecat, &str) -> bool) -> Vec<&'a Polecat> {
        let lacks = |polecat: &&Polecat| {
            needs(polecat, self.scene.rig) && !self.given.contains(&Slot::of(polecat))
        };
        let mut found: Vec<&Polecat> = self
            .scene
            .polecats
            .values()
            .copied()
            .filter(lacks)
            .collect();
        found.sort_by_key(|polecat| {
            (
                polecat
                    .metadata
                    .creation_timestamp
                    .as_ref()
                    .map(|time| time.0),
                PolecatKey::of(polecat),
            )
        });
        found
    }

    fn give(&mut self, slot: Slot, bead: Option<&BeadKey>) {
        if let Some(bead) = bead {
            self.usage.take(self.scene.batches, bead);
        }
        if self.given.insert(slot.clone()) {
            self.plan.slots.push(slot);
        }
    }

    fn wait(&mut self, bead: &'a Bead, wait: Wait) {
        self.plan.wake = self.plan.wake.into_iter().chain(wait.until).min();
        self.plan.waits.push((bead, wait));
    }
}

impl Plan<'_> {
    /// What waits, by reason, the most frequent first.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut by_reason: BTreeMap<WaitReason, Waiting> = BTreeMap::new();
        let beads = self
            .waits
            .iter()
            .map(|(bead, wait)| (wait.reason, &bead.key.id));
        let polecats = self
            .waiting_polecats
            .iter()
            .map(|(polecat, wait)| (wait.reason, &polecat.name));
        for (reason, first) in polecats.chain(beads) {
            let waiting = by_reason.entry(reason).or_insert_with(|| Waiting {
                reason,
                count: 0,
                first: first.clone(),
            });
            waiting.count += 1;
        }
        let mut waiting: Vec<Waiting> = by_reason.into_values().collect();
        waiting.sort_by_key(|waiting| -waiting.count);
        waiting
    }

    /// How many wait for something that comes by itself.
    #[must_use]
    pub fn queued(&self) -> usize {
        let comes = |wait: &Wait| {
            matches!(
                wait.reason,
                WaitReason::AtLimit | WaitReason::ConvoyLimit | WaitReason::WindowClosed
            )
        };
        self.waits.iter().filter(|(_, wait)| comes(wait)).count() + self.waiting_polecats.len()
    }
}

#[cfg(test)]
mod tests;
