//! Polecats come into being.

use beadlet_store::keys::work;
use beadlet_store::kinds::{Polecat, Rig};
use futures::StreamExt;
use futures::stream::iter;
use jiff::Timestamp;
use kube::ResourceExt;

use super::trouble_of;
use crate::context::Context;
use crate::decide::attempt::Attempt;
use crate::decide::batch::Batches;
use crate::decide::bead::Bead;
use crate::decide::dispatch::{NewPolecat, Plan};
use crate::decide::newborn::{Runner, newborn};
use crate::decide::slot::PolecatKey;
use crate::decide::{spans, story};
use crate::fault::{Fault, Reason};
use crate::tell::News;

/// How many Polecats are created at once. Enough to keep an API server busy, few enough for the others.
const AT_ONCE: usize = 32;
/// So few are created one after the other: in dispatch order, for whoever watches.
const IN_ORDER: usize = 10;

/// Creates the Polecats that have their slots now. One that exists already was created before.
pub(super) async fn create(
    rig: &Rig,
    plan: &Plan<'_>,
    batches: &Batches<'_>,
    context: &Context,
) -> Result<(), Fault> {
    let runner = if context.settings.controllers.polecat {
        Runner::Beadlet
    } else {
        Runner::Operator
    };
    let is_unborn = |new: &&NewPolecat<'_>| context.born.get(&new.key).is_none();
    let unborn: Vec<Polecat> = plan
        .create
        .iter()
        .filter(is_unborn)
        .map(|new| traced(newborn(new, rig, batches, runner), new.bead, context))
        .collect();
    let at_once = if unborn.len() <= IN_ORDER { 1 } else { AT_ONCE };
    let births = iter(unborn)
        .map(|polecat| bear(polecat, context))
        .buffered(at_once);
    let answers: Vec<Result<Option<Polecat>, Fault>> = births.collect().await;
    let (born, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let born: Vec<Polecat> = born.into_iter().flatten().flatten().collect();
    if let Some(note) = story::births(&born) {
        context.teller.tell(rig, dispatched(note));
    }
    let failed = failed.into_iter().find_map(Result::err);
    let trouble = failed
        .as_ref()
        .filter(|fault| fault.reason().needs_a_person());
    context.set_trouble(&rig.name_any(), trouble.map(trouble_of));
    failed.map_or(Ok(()), Err)
}

/// With the trace of its bead, where somebody wants traces.
fn traced(mut polecat: Polecat, bead: &Bead, context: &Context) -> Polecat {
    if context.observations.watcher().is_some() {
        let trace = spans::trace(bead).to_string();
        let annotations = polecat.annotations_mut();
        annotations.insert(work::TRACEPARENT.to_owned(), trace);
    }
    polecat
}

/// Tells how long it took from the sight of a ready bead.
fn trace_birth(polecat: &Polecat, context: &Context) {
    let Some(watcher) = context.observations.watcher() else {
        return;
    };
    let known = polecat.bead().and_then(|key| context.world.beads.get(&key));
    let now = Timestamp::now();
    let since = known.and_then(|known| known.ready_since).unwrap_or(now);
    if let Some(span) = spans::dispatched(polecat, since, now) {
        watcher.tell(span);
    }
}

fn dispatched(note: String) -> News {
    News {
        reason: "Dispatched".into(),
        note,
        is_warning: false,
        action: "Dispatch",
    }
}

/// Gives the Polecat that was made; nothing where it was there already.
async fn bear(polecat: Polecat, context: &Context) -> Result<Option<Polecat>, Fault> {
    let key = PolecatKey::of(&polecat);
    let PolecatKey { namespace, name } = &key;
    let born = match context.cluster.create_polecat(&polecat).await {
        Ok(_) => {
            let (attempt, because) = (polecat.number(), polecat.because().as_str());
            tracing::info!(
                namespace,
                name,
                bead = polecat.spec.bead_id,
                attempt,
                because,
                "polecat created"
            );
            trace_birth(&polecat, context);
            Some(polecat)
        }
        Err(fault) if fault.is_already_exists() => {
            tracing::debug!(namespace, name, "polecat exists already");
            None
        }
        // What is in a namespace that goes away goes away with it.
        Err(fault) if matches!(fault.reason(), Reason::Terminating | Reason::NotFound) => {
            tracing::debug!(namespace, name, "namespace is going away");
            None
        }
        Err(fault) => return Err(fault),
    };
    context.born.put(key, ());
    Ok(born)
}
