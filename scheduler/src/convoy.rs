//! The Convoy controller: counts, and the objects of convoys that live in git.

use std::sync::Arc;
use std::time::Instant;

use beadlet_store::keys::work;
use beadlet_store::kinds::{Convoy, ConvoyStatus, Polecat, lost};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::decide::bead::{Bead, BeadKey};
use crate::decide::condition;
use crate::decide::convoy::{Batch, Keep, keep, notice, status};
use crate::decide::name::convoy_name;
use crate::decide::story;
use crate::fault::Fault;
use crate::observations::Controller;
use crate::tell::News;

/// Brings the status of one Convoy up to date.
///
/// # Errors
/// What the API server refused; the next look goes on from there.
pub(crate) async fn reconcile(convoy: Arc<Convoy>, context: Arc<Context>) -> Result<Action, Fault> {
    let resting = resting(&convoy);
    // What is said about a fault is a change too, and must not start the next try.
    if let Some(rest) = context.resting.rest_of(&resting) {
        return Ok(Action::requeue(rest));
    }
    let begin = Instant::now();
    let answer = count(&convoy, &context).await;
    if answer
        .as_ref()
        .is_err_and(|fault| fault.reason().needs_a_person())
    {
        context.resting.put(resting, ());
    }
    context.looked(Controller::Convoy, begin, &answer);
    answer.map(|()| Action::await_change())
}

fn resting(convoy: &Convoy) -> (Controller, String, String) {
    let namespace = convoy.namespace().unwrap_or_default();
    (Controller::Convoy, namespace, convoy.name_any())
}

async fn count(convoy: &Convoy, context: &Context) -> Result<(), Fault> {
    let (beads, polecats) = members(convoy, context);
    let status = status(&Batch {
        convoy,
        beads: &beads.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        polecats: &polecats.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        now: Timestamp::now(),
    });
    if convoy.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let notice = notice(convoy, &status).map(ToOwned::to_owned);
    let wanted = Convoy {
        status: Some(status),
        ..convoy.clone()
    };
    let written = context.cluster.write_convoy_status(&wanted).await?;
    let after = written.status.clone().unwrap_or_default();
    let before = convoy.status.as_ref();
    let before = before.map_or(&[][..], |status| &status.conditions);
    let teller = &context.teller;
    teller.tell_changes(convoy, before, &after.conditions);
    if let Some(note) = story::progress(convoy, &after) {
        teller.tell(convoy, on_its_way(note));
    }
    if let Some(whom) = notice {
        teller.tell(convoy, end(convoy, &after, &whom));
    }
    let fields = lost(&wanted.status, &written.status);
    if fields.is_empty() {
        return Ok(());
    }
    let fault = Fault::NotKept {
        kind: "Convoy",
        fields,
    };
    say(written, &fault, context).await?;
    Err(fault)
}

/// Says on a Convoy what a person has to see to.
async fn say(mut convoy: Convoy, fault: &Fault, context: &Context) -> Result<(), Fault> {
    let (generation, now) = (convoy.metadata.generation, Timestamp::now());
    let (reason, message) = (fault.reason().as_str(), fault.to_string());
    let status = convoy.status.get_or_insert_default();
    condition::set_trouble(&mut status.conditions, reason, &message, generation, now);
    context.cluster.write_convoy_status(&convoy).await.map(drop)
}

/// The beads that it tracks and that are mirrored, and its own polecats.
fn members(convoy: &Convoy, context: &Context) -> (Vec<Arc<Bead>>, Vec<Arc<Polecat>>) {
    let (namespace, name) = (convoy.namespace().unwrap_or_default(), convoy.name_any());
    let is_ours = |polecat: &Arc<Polecat>| {
        polecat
            .labels()
            .get(work::CONVOY)
            .is_some_and(|label| *label == name)
    };
    let (mut beads, mut polecats) = (Vec::new(), Vec::new());
    for id in &convoy.spec.tracked_beads {
        let key = BeadKey {
            namespace: namespace.clone(),
            id: id.clone(),
        };
        beads.extend(context.world.beads.get(&key).map(|known| known.bead));
        polecats.extend(context.world.attempts(&key).into_iter().filter(is_ours));
    }
    (beads, polecats)
}

fn on_its_way(note: String) -> News {
    News {
        reason: "Progress".into(),
        note,
        is_warning: false,
        action: "Count",
    }
}

/// What whoever asked hears of its end.
fn end(convoy: &Convoy, status: &ConvoyStatus, whom: &str) -> News {
    let note = format!(
        "{whom}: convoy {} ({}) has ended: {}, {}",
        convoy.name_any(),
        convoy.spec.description,
        status.phase.unwrap_or_default().as_str(),
        status.progress.as_deref().unwrap_or_default()
    );
    News {
        reason: "Notify".into(),
        note,
        is_warning: false,
        action: "Notify",
    }
}

/// Brings the object of one convoy in git up to date.
///
/// # Errors
/// What the API server refused; asked again later.
pub(crate) async fn mirror(key: &BeadKey, context: &Context) -> Result<(), Fault> {
    let bead = context.world.beads.get(key).map(|known| known.bead);
    let object = context.world.convoy(&key.namespace, &convoy_name(&key.id));
    let answer = match (keep(bead.as_deref(), object.as_deref()), object.as_deref()) {
        (Keep::Nothing, _) | (Keep::Update { .. } | Keep::Delete, None) => Ok(()),
        (Keep::Create(convoy), _) => context.cluster.create_convoy(&convoy).await.map(drop),
        (
            Keep::Update {
                description,
                tracked_beads,
            },
            Some(object),
        ) => context
            .cluster
            .write_members(object, &description, &tracked_beads)
            .await
            .map(drop),
        (Keep::Delete, Some(object)) => context.cluster.delete_convoy(object).await,
    };
    match answer {
        Err(fault) if fault.is_already_exists() => Ok(()),
        answer => answer,
    }
}
