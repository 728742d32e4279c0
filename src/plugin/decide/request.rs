//! What a person asks for, made into objects, or refused.

use beadlet_scheduler::decide::attempt::{Attempt, Because, Ledger};
use beadlet_scheduler::decide::batch::Batches;
use beadlet_scheduler::decide::bead::Bead;
use beadlet_scheduler::decide::dispatch::NewPolecat;
use beadlet_scheduler::decide::name::polecat_name;
use beadlet_scheduler::decide::newborn::by_hand;
use beadlet_scheduler::decide::route::{Map, serves};
use beadlet_scheduler::decide::slot::PolecatKey;
use beadlet_scheduler::decide::verdict::last_number;
use beadlet_store::keys::work;
use beadlet_store::kinds::{Convoy, ConvoySpec, Polecat, Rig};
use jiff::Timestamp;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::standing::{Placed, Standing, standings};
use super::town::{Town, Unfound};
use crate::plugin::cli::{CreateConvoyArgs, SlingArgs};

/// Why a person does not get what they ask for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Unfound(#[from] Unfound),
    #[error("bead {id} is closed")]
    Closed { id: String },
    #[error("polecat {polecat} has bead {id}: stop that first (`kubectl bead stop {polecat}`)")]
    Taken { id: String, polecat: String },
    #[error("{why}; name a Rig with --rig")]
    NoRig { why: String },
    #[error("Rig {rig} does not serve namespace {namespace}: spec.allowedNamespaces")]
    NotServed { rig: String, namespace: String },
    #[error(
        "no polecat has tried bead {id} yet; `kubectl bead why {id}` says what it waits for, `kubectl bead sling {id}` does not wait"
    )]
    NeverTried { id: String },
}

/// The Polecat for a bead that somebody wants worked on.
///
/// # Errors
/// When there is nothing to do, somebody does it already, or no Rig may.
pub fn sling(town: &Town, args: &SlingArgs) -> Result<Polecat, Refusal> {
    let SlingArgs {
        id,
        rig,
        task,
        scope: _,
        output: _,
    } = args;
    let bead = &town.bead(id)?.bead;
    if bead.is_closed() {
        return Err(Refusal::Closed { id: id.clone() });
    }
    let attempts = attempts(town, bead);
    unless_taken(id, &attempts)?;
    let batches = Batches::of(&town.convoys);
    let rig = match rig {
        Some(name) => serving(town.rig(name)?, bead)?,
        None => leading(town, bead, &batches)?,
    };
    let attempt = last_number(bead, &attempts) + 1;
    let new = NewPolecat {
        key: PolecatKey {
            namespace: bead.key.namespace.clone(),
            name: polecat_name(&bead.key.id, attempt),
        },
        bead,
        attempt,
        because: Because::Asked,
        branch: None,
    };
    Ok(by_hand(&new, rig, &batches, task.clone()))
}

/// Oldest first, as dispatch counts them.
fn attempts<'t>(town: &'t Town, bead: &Bead) -> Vec<&'t Polecat> {
    Ledger::of(&town.polecats).attempts(&bead.key).to_vec()
}

fn unless_taken(id: &str, attempts: &[&Polecat]) -> Result<(), Refusal> {
    let working = attempts.iter().find(|attempt| !attempt.is_final());
    working.map_or(Ok(()), |polecat| {
        Err(Refusal::Taken {
            id: id.to_owned(),
            polecat: polecat.name_any(),
        })
    })
}

fn serving<'t>(rig: &'t Rig, bead: &Bead) -> Result<&'t Rig, Refusal> {
    let namespace = bead.key.namespace.clone();
    if serves(rig, &namespace) {
        return Ok(rig);
    }
    Err(Refusal::NotServed {
        rig: rig.name_any(),
        namespace,
    })
}

fn leading<'t>(town: &'t Town, bead: &Bead, batches: &Batches<'t>) -> Result<&'t Rig, Refusal> {
    let (rigs, stores): (Vec<_>, Vec<_>) =
        (town.rigs.iter().collect(), town.stores.iter().collect());
    let map = Map {
        rigs: &rigs,
        stores: &stores,
        batches,
    };
    map.rig(bead)
        .map_err(|wait| Refusal::NoRig { why: wait.detail })
}

/// The last Polecat of a bead that somebody wants tried again: the one that is to be told.
///
/// # Errors
/// When there is none, or one is still at it.
pub fn retry<'t>(town: &'t Town, id: &str) -> Result<&'t Polecat, Refusal> {
    let attempts = attempts(town, &town.bead(id)?.bead);
    unless_taken(id, &attempts)?;
    let last = attempts.last().copied();
    last.ok_or_else(|| Refusal::NeverTried { id: id.to_owned() })
}

/// What the last Polecat is told.
#[must_use]
pub fn asked_again(now: Timestamp) -> Value {
    json!({"metadata": {"annotations": {work::RETRY: now.to_string()}}})
}

/// What comes of it: `last` as it is now that it was told.
#[must_use]
pub fn prospect(town: &Town, id: &str, last: Polecat, now: Timestamp) -> String {
    let mut town = town.clone();
    let (name, namespace) = (last.name_any(), last.namespace());
    town.polecats
        .retain(|polecat| polecat.name_any() != name || polecat.namespace() != namespace);
    town.polecats.push(last);
    let placed = standings(&town, now);
    let at = |placed: &&Placed<'_>| {
        placed.bead().key.id == id && Some(&placed.bead().key.namespace) == namespace.as_ref()
    };
    match placed.iter().find(at).map(|placed| &placed.standing) {
        None | Some(Standing::Next | Standing::UnderWay(_)) => {
            format!("bead {id} is tried again\n")
        }
        Some(other) => format!(
            "bead {id} is tried again once it can be; now it is {}: {}\n",
            other.word(),
            other.detail()
        ),
    }
}

/// The Convoy that somebody wants.
#[must_use]
pub fn convoy(args: &CreateConvoyArgs) -> Convoy {
    let CreateConvoyArgs {
        name,
        beads,
        description,
        rig,
        parallelism,
        notify,
        output: _,
    } = args;
    let spec = ConvoySpec {
        description: description.clone().unwrap_or_else(|| name.clone()),
        tracked_beads: beads.clone(),
        parallelism: *parallelism,
        notify_on_complete: notify.clone(),
        rig_ref: rig.clone(),
    };
    Convoy::new(name, spec)
}

#[cfg(test)]
mod tests;
