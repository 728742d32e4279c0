//! Where each bead stands between git and its polecat: decided by the very rules that dispatch follows.

use std::collections::{BTreeSet, HashMap};

use beadlet_scheduler::decide::attempt::{Attempt, Ledger};
use beadlet_scheduler::decide::batch::Batches;
use beadlet_scheduler::decide::bead::{Bead, BeadKey};
use beadlet_scheduler::decide::dispatch::{Scene, plan};
use beadlet_scheduler::decide::policy::{Policy, PolicyError};
use beadlet_scheduler::decide::route::Map;
use beadlet_scheduler::decide::scope::Scope;
use beadlet_scheduler::decide::slot::{PolecatKey, Slot};
use beadlet_scheduler::decide::verdict::Wait;
use beadlet_store::kinds::{BeadStore, Polecat, Rig};
use jiff::Timestamp;
use kube::ResourceExt;

use super::town::{Mirrored, Town};

/// A bead's place.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing<'a> {
    /// It is closed in git.
    Closed,
    /// Not READY, and why.
    NotReady(String),
    /// A polecat has it.
    UnderWay(&'a Polecat),
    /// Dispatch starts it with its next look.
    Next,
    Waits(Wait),
    /// The rules of its Rig cannot be followed, and why.
    BadRules(String),
}

/// A bead with its place and the Rig that it leads to.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    pub held: &'a Mirrored,
    pub rig: Option<&'a Rig>,
    pub standing: Standing<'a>,
    /// Oldest first.
    pub attempts: Vec<&'a Polecat>,
}

impl Placed<'_> {
    #[must_use]
    pub fn bead(&self) -> &Bead {
        &self.held.bead
    }
}

/// All beads: the ready ones first, in the order in which dispatch takes them.
#[must_use]
pub fn standings(town: &Town, now: Timestamp) -> Vec<Placed<'_>> {
    let books = Books::of(town);
    let mut placed: Vec<Placed<'_>> = town.beads.iter().map(|held| books.look(held)).collect();
    for rig in &town.rigs {
        let in_line: Vec<&Bead> = placed
            .iter()
            .filter(|placed| is_in_line(placed, rig))
            .map(|placed| &placed.held.bead)
            .collect();
        let answers = books.answers(rig, &in_line, now);
        for placed in placed.iter_mut().filter(|placed| is_in_line(placed, rig)) {
            if let Some(answer) = answers.get(&placed.held.bead.key) {
                placed.standing = answer.clone();
            }
        }
    }
    placed.sort_by(|a, b| {
        let (a, b) = (a.bead(), b.bead());
        (!a.ready).cmp(&!b.ready).then_with(|| a.order(b))
    });
    placed
}

/// The place of one bead among all.
#[must_use]
pub fn standing<'a>(town: &'a Town, held: &'a Mirrored, now: Timestamp) -> Placed<'a> {
    let mut all = standings(town, now).into_iter();
    let found = all.find(|placed| placed.bead().key == held.bead.key);
    found.unwrap_or_else(|| Books::of(town).look(held))
}

/// Whether the bead is one that dispatch decides about, for this Rig.
fn is_in_line(placed: &Placed<'_>, rig: &Rig) -> bool {
    placed.standing == Standing::Next && placed.rig.is_some_and(|found| std::ptr::eq(found, rig))
}

/// What the cluster holds, by what it is looked up by.
struct Books<'a> {
    rigs: Vec<&'a Rig>,
    stores: Vec<&'a BeadStore>,
    batches: Batches<'a>,
    ledger: Ledger<'a>,
    polecats: HashMap<PolecatKey, &'a Polecat>,
    scope: Scope,
}

impl<'a> Books<'a> {
    fn of(town: &'a Town) -> Self {
        let by_key = |polecat: &'a Polecat| (PolecatKey::of(polecat), polecat);
        let namespace = town.namespace.clone();
        Self {
            rigs: town.rigs.iter().collect(),
            stores: town.stores.iter().collect(),
            batches: Batches::of(&town.convoys),
            ledger: Ledger::of(&town.polecats),
            polecats: town.polecats.iter().map(by_key).collect(),
            scope: namespace.map_or(Scope::Cluster, Scope::Namespace),
        }
    }

    /// The place of a bead as far as it does not depend on others: one that is in the line of its Rig counts as next.
    fn look(&self, held: &'a Mirrored) -> Placed<'a> {
        let bead = &held.bead;
        let attempts = self.ledger.attempts(&bead.key).to_vec();
        let way = self.map().rig(bead);
        let rig = way.as_ref().ok().copied();
        let working = attempts.iter().rev().find(|attempt| !attempt.is_final());
        let standing = match (working, way) {
            (Some(polecat), _) => Standing::UnderWay(polecat),
            (None, _) if bead.is_closed() => Standing::Closed,
            (None, _) if !bead.ready => Standing::NotReady(why_not(bead)),
            (None, Err(wait)) => Standing::Waits(wait),
            (None, Ok(_)) => Standing::Next,
        };
        Placed {
            held,
            rig,
            standing,
            attempts,
        }
    }

    fn map(&self) -> Map<'_, 'a> {
        Map {
            rigs: &self.rigs,
            stores: &self.stores,
            batches: &self.batches,
        }
    }

    /// What dispatch answers to the beads in the line of a Rig.
    fn answers(
        &self,
        rig: &Rig,
        beads: &[&Bead],
        now: Timestamp,
    ) -> HashMap<BeadKey, Standing<'a>> {
        match Policy::parse(&rig.spec) {
            Ok(policy) => self.planned(rig, &policy, beads, now),
            Err(error) => {
                let bad = |bead: &&Bead| (bead.key.clone(), bad_rules(&error));
                beads.iter().map(bad).collect()
            }
        }
    }

    fn planned(
        &self,
        rig: &Rig,
        policy: &Policy,
        beads: &[&Bead],
        now: Timestamp,
    ) -> HashMap<BeadKey, Standing<'a>> {
        let slots = rig
            .status
            .iter()
            .flat_map(|status| status.slots.iter().flatten());
        let slots: Vec<Slot> = slots.filter_map(|text| Slot::parse(text)).collect();
        let (name, absent) = (rig.name_any(), BTreeSet::new());
        let plan = plan(&Scene {
            rig: &name,
            max_polecats: rig.spec.settings.limit() as usize,
            policy,
            slots: &slots,
            beads,
            polecats: &self.polecats,
            ledger: &self.ledger,
            batches: &self.batches,
            absent: &absent,
            scope: &self.scope,
            now,
        });
        let waits = plan.waits.into_iter();
        waits
            .map(|(bead, wait)| (bead.key.clone(), Standing::Waits(wait)))
            .collect()
    }
}

fn bad_rules(error: &PolicyError) -> Standing<'static> {
    Standing::BadRules(error.to_string())
}

fn why_not(bead: &Bead) -> String {
    let blocked = bead.blocked_by.clone().filter(|why| !why.is_empty());
    blocked.map_or_else(
        || format!("its status is {}", bead.status),
        |why| format!("blocked by {why}"),
    )
}

impl Standing<'_> {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Closed => "Closed",
            Self::NotReady(_) => "NotReady",
            Self::UnderWay(polecat) => polecat.phase().as_str(),
            Self::Next => "Next",
            Self::Waits(wait) => wait.reason.as_str(),
            Self::BadRules(_) => "BadRules",
        }
    }

    /// What exactly, for people; empty where the word says it all.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Closed => String::new(),
            Self::NotReady(why) => why.clone(),
            Self::UnderWay(polecat) => format!("polecat {}{}", polecat.name_any(), said(polecat)),
            Self::Next => "dispatch starts it with its next look".to_owned(),
            Self::Waits(wait) => wait.detail.clone(),
            Self::BadRules(why) => format!("the rules of its Rig cannot be followed: {why}"),
        }
    }
}

/// The message of a Polecat's condition `Ready`.
fn said(polecat: &Polecat) -> String {
    let mut conditions = polecat.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    ready.map_or_else(String::new, |condition| format!(": {}", condition.message))
}

#[cfg(test)]
mod tests;
