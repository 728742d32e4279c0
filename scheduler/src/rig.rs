//! The dispatch controller: one pass over one Rig.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use beadlet_store::kinds::{Polecat, Rig, RigStatus, lost};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::{Context, LEISURE};
use crate::decide::batch::Batches;
use crate::decide::dispatch::Plan;
use crate::decide::policy::Policy;
use crate::decide::prune::is_spent;
use crate::decide::rig_status::{self, Account, Trouble};
use crate::decide::route::serves;
use crate::decide::scope::Scope;
use crate::decide::slot::PolecatKey;
use crate::fault::Fault;
use crate::observations::{Controller, Queue};
use crate::tell::News;
use births::create;
use seen::{Desk, Seen, observe, slots};

mod births;
mod seen;

/// How many spent Polecats go in one pass.
const PRUNED: usize = 50;
/// How long until a pass is tried again that could not do what it should.
const TROUBLED: Duration = Duration::from_secs(5);
/// How long until a pass follows that has only something to say.
const SOON: Duration = Duration::from_millis(50);

/// One pass: observe, decide, give slots by compare-and-swap, create.
///
/// # Errors
/// What the API server refused; the next pass goes on from there.
pub(crate) async fn reconcile(rig: Arc<Rig>, context: Arc<Context>) -> Result<Action, Fault> {
    if let Scope::Namespace(namespace) = &context.settings.scope
        && !serves(&rig, namespace)
    {
        return Ok(Action::await_change());
    }
    if rig.spec.settings.max_polecats.is_none() {
        return Ok(without_limit(&rig, &context));
    }
    let begin = Instant::now();
    let answer = pass(&rig, &context).await;
    context.looked(Controller::Dispatch, begin, &answer);
    answer
}

/// The CRD has lost the field with the limit. The API server still has the value, and would lose it with the next write of the Rig: so
/// nothing is written there, and it is said in an Event.
fn without_limit(rig: &Rig, context: &Context) -> Action {
    let note = "the CRD of Rigs has no spec.settings.maxPolecats, so nothing is started: install the CRDs of this version";
    tracing::error!(rig = rig.name_any(), "{note}");
    context.teller.tell(
        rig,
        News {
            reason: "LimitMissing".into(),
            note: note.into(),
            is_warning: true,
            action: "Dispatch",
        },
    );
    Action::await_change()
}

async fn pass(rig: &Rig, context: &Context) -> Result<Action, Fault> {
    let seen = observe(rig, context).await?;
    match Policy::parse(&rig.spec) {
        Ok(policy) => dispatch(rig, &policy, &seen, context).await,
        Err(error) => {
            let trouble = Trouble {
                reason: "PolicyInvalid",
                message: error.to_string(),
            };
            context.set_trouble(&rig.name_any(), Some(trouble));
            let account = seen.account(rig, context);
            let status = rig_status::unplanned(
                &Account {
                    trouble: account.1.as_ref(),
                    ..account.0
                },
                &slots(rig),
            );
            write(rig, status, context).await?;
            Ok(Action::await_change())
        }
    }
}

async fn dispatch(
    rig: &Rig,
    policy: &Policy,
    seen: &Seen,
    context: &Context,
) -> Result<Action, Fault> {
    let desk = Desk::of(rig, seen);
    // No slot is taken away from a Polecat that is only missing in the cache.
    let mut absent = BTreeSet::new();
    let plan = loop {
        let plan = desk.plan(policy, &absent, &context.settings.scope);
        let missing = look_for(&plan.look_for, context).await?;
        if missing.is_empty() {
            break plan;
        }
        absent.extend(missing);
    };
    let (account, trouble) = seen.account(rig, context);
    let account = Account {
        trouble: trouble.as_ref(),
        ..account
    };
    observe_queue(rig, &account, &plan, context);
    let written = write(rig, rig_status::status(&account, &plan), context).await?;
    if written == Written::NotKept {
        return Ok(Action::requeue(TROUBLED));
    }
    create(rig, &plan, &desk.batches, context).await?;
    prune(rig, policy, seen, &desk.batches, context).await?;
    // What was troubled and is not any more is said at once.
    Ok(if trouble.is_some() {
        Action::requeue(SOON)
    } else {
        next_look(&plan, written, seen.now)
    })
}

/// Which of these Polecats do not exist.
async fn look_for(keys: &[PolecatKey], context: &Context) -> Result<Vec<PolecatKey>, Fault> {
    let mut missing = Vec::new();
    for key in keys {
        if context.cluster.polecat(key).await?.is_none() {
            missing.push(key.clone());
        }
    }
    Ok(missing)
}

/// Whether a status was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    /// It has time.
    Later,
    /// The API server does not know all that was written, maybe not the list of slots: nothing may start.
    NotKept,
}

/// Writes the status by compare-and-swap where it differs. Nothing may start for which the slot is not written.
async fn write(rig: &Rig, status: RigStatus, context: &Context) -> Result<Written, Fault> {
    let name = rig.name_any();
    if rig.status.as_ref() == Some(&status) {
        return Ok(Written::Yes);
    }
    let is_fresh = context
        .rig_writes
        .age_of(&name)
        .is_some_and(|age| age < LEISURE);
    if is_fresh && !rig_status::is_urgent(rig.status.as_ref(), &status) {
        return Ok(Written::Later);
    }
    let before = rig
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions)
        .to_vec();
    let wanted = Rig {
        status: Some(status),
        ..rig.clone()
    };
    let written = context.cluster.write_rig_status(&wanted).await?;
    context.rig_writes.put(name.clone(), ());
    let after = written.status.as_ref();
    context
        .teller
        .tell_changes(rig, &before, after.map_or(&[], |status| &status.conditions));
    let fields = lost(&wanted.status, &written.status);
    if fields.is_empty() {
        return Ok(Written::Yes);
    }
    let fault = Fault::NotKept {
        kind: "Rig",
        fields,
    };
    tracing::error!(%fault, rig = name, "nothing is started");
    context.set_trouble(&name, Some(trouble_of(&fault)));
    Ok(Written::NotKept)
}

/// What a Rig says of a fault that a person has to see to.
fn trouble_of(fault: &Fault) -> Trouble {
    Trouble {
        reason: fault.reason().as_str(),
        message: fault.to_string(),
    }
}

async fn prune(
    rig: &Rig,
    policy: &Policy,
    seen: &Seen,
    batches: &Batches<'_>,
    context: &Context,
) -> Result<(), Fault> {
    let bead = |key: &_| context.world.beads.get(key).map(|known| known.bead);
    let is_spent = |polecat: &&Arc<Polecat>| {
        polecat.spec.rig == rig.metadata.name && is_spent(polecat, &bead, batches, policy, seen.now)
    };
    for polecat in seen.polecats.iter().filter(is_spent).take(PRUNED) {
        context.cluster.delete_polecat(polecat).await?;
        tracing::info!(
            namespace = polecat.namespace(),
            name = polecat.name_any(),
            "polecat removed, its record is not needed any more"
        );
    }
    Ok(())
}

fn observe_queue(rig: &Rig, account: &Account<'_>, plan: &Plan<'_>, context: &Context) {
    // It may have gone during the pass.
    if context.world.rig(&rig.name_any()).is_none() {
        return;
    }
    let waiting: Vec<_> = plan
        .waiting()
        .into_iter()
        .map(|waiting| (waiting.reason, usize::try_from(waiting.count).unwrap_or(0)))
        .collect();
    context.observations.queue(&Queue {
        rig: &rig.name_any(),
        limit: rig.spec.settings.limit() as usize,
        taken: plan.slots.len(),
        running: account.running,
        queued: plan.queued(),
        waiting: &waiting,
    });
}

fn next_look(plan: &Plan<'_>, written: Written, now: Timestamp) -> Action {
    let planned = plan.wake.map(|wake| {
        Duration::try_from(wake.duration_since(now)).unwrap_or_default() + Duration::from_millis(10)
    });
    let leisure = (written == Written::Later).then_some(LEISURE);
    planned
        .into_iter()
        .chain(leisure)
        .min()
        .map_or_else(Action::await_change, Action::requeue)
}
