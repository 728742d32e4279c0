//! The dispatch controller: one pass over one Rig.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use beadlet_store::kinds::{BeadStore, Convoy, ConvoyPhase, Polecat, PolecatPhase, Rig, RigStatus};
use futures::StreamExt;
use futures::stream::iter;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::decide::attempt::{Attempt, Ledger};
use crate::decide::batch::Batches;
use crate::decide::bead::Bead;
use crate::decide::dispatch::{NewPolecat, Plan, Scene, plan};
use crate::decide::newborn::{Runner, newborn};
use crate::decide::policy::Policy;
use crate::decide::prune::is_spent;
use crate::decide::rig_status::{self, Account, Trouble};
use crate::decide::route::{Map, serves};
use crate::decide::scope::Scope;
use crate::decide::slot::{PolecatKey, Slot};
use crate::fault::{Fault, Reason};
use crate::observations::{Controller, Queue};

/// How many Polecats are created at once. Enough to keep an API server busy, few enough for the others.
const AT_ONCE: usize = 32;
/// So few are created one after the other: in dispatch order, for whoever watches.
const IN_ORDER: usize = 10;
/// How many spent Polecats go in one pass.
const PRUNED: usize = 50;
/// How long until a pass is tried again that could not do what it should.
const TROUBLED: Duration = Duration::from_secs(5);
/// How long until a pass follows that has only something to say.
const SOON: Duration = Duration::from_millis(50);
/// How often a status is written that nobody waits for.
const LEISURE: Duration = Duration::from_millis(500);

/// Everything that a pass looks at.
struct Seen {
    beads: Vec<Arc<Bead>>,
    polecats: Vec<Arc<Polecat>>,
    convoys: Vec<Arc<Convoy>>,
    rigs: Vec<Arc<Rig>>,
    stores: Vec<Arc<BeadStore>>,
    now: Timestamp,
}

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
    let begin = Instant::now();
    let answer = pass(&rig, &context).await;
    context.looked(Controller::Dispatch, begin, &answer);
    answer
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

/// The caches; but where the Rig has no list of slots, the Polecats without cache: whoever works must be known before anybody starts.
async fn observe(rig: &Rig, context: &Context) -> Result<Seen, Fault> {
    let world = &context.world;
    let mut polecats = world.polecats.state();
    if rig
        .status
        .as_ref()
        .is_none_or(|status| status.slots.is_none())
    {
        let namespace = match &context.settings.scope {
            Scope::Cluster => None,
            Scope::Namespace(namespace) => Some(namespace.as_str()),
        };
        polecats.retain(|polecat| polecat.spec.rig != rig.metadata.name);
        polecats.extend(
            context
                .cluster
                .polecats_of(&rig.name_any(), namespace)
                .await?
                .into_iter()
                .map(Arc::new),
        );
    }
    Ok(Seen {
        beads: world.beads.ready(),
        polecats,
        convoys: world.convoys.state(),
        rigs: world.rigs.state(),
        stores: world.stores.state(),
        now: Timestamp::now(),
    })
}

impl Seen {
    fn account<'a>(&self, rig: &'a Rig, context: &Context) -> (Account<'a>, Option<Trouble>) {
        let is_running = |polecat: &&Arc<Polecat>| {
            polecat.spec.rig == rig.metadata.name && polecat.phase() == PolecatPhase::Working
        };
        let batches = Batches::of(self.convoys.iter().map(AsRef::as_ref));
        let account = Account {
            rig,
            running: self.polecats.iter().filter(is_running).count(),
            active_convoys: self.active_convoys(rig, &batches, context),
            trouble: None,
            now: self.now,
        };
        (account, context.trouble(&rig.name_any()))
    }

    /// Convoys that are not complete and have a bead that leads here.
    fn active_convoys(&self, rig: &Rig, batches: &Batches<'_>, context: &Context) -> usize {
        let (rigs, stores) = self.targets();
        let map = Map {
            rigs: &rigs,
            stores: &stores,
            batches,
        };
        let is_here = |bead: &Bead| {
            map.rig(bead)
                .is_ok_and(|found| found.metadata.name == rig.metadata.name)
        };
        let is_active = |convoy: &&Arc<Convoy>| {
            let namespace = convoy.namespace().unwrap_or_default();
            let phase = convoy.status.as_ref().and_then(|status| status.phase);
            let mut beads = convoy.spec.tracked_beads.iter().filter_map(|id| {
                let key = crate::decide::bead::BeadKey {
                    namespace: namespace.clone(),
                    id: id.clone(),
                };
                context.world.beads.get(&key)
            });
            phase != Some(ConvoyPhase::Complete) && beads.any(|known| is_here(&known.bead))
        };
        self.convoys.iter().filter(is_active).count()
    }

    fn targets(&self) -> (Vec<&Rig>, Vec<&BeadStore>) {
        (
            self.rigs.iter().map(AsRef::as_ref).collect(),
            self.stores.iter().map(AsRef::as_ref).collect(),
        )
    }
}

async fn dispatch(
    rig: &Rig,
    policy: &Policy,
    seen: &Seen,
    context: &Context,
) -> Result<Action, Fault> {
    let name = rig.name_any();
    let (rigs, stores) = seen.targets();
    let batches = Batches::of(seen.convoys.iter().map(AsRef::as_ref));
    let map = Map {
        rigs: &rigs,
        stores: &stores,
        batches: &batches,
    };
    let leads_here = |bead: &&Bead| {
        map.rig(bead)
            .is_ok_and(|found| found.metadata.name == rig.metadata.name)
    };
    let beads: Vec<&Bead> = seen
        .beads
        .iter()
        .map(AsRef::as_ref)
        .filter(leads_here)
        .collect();
    let ledger = Ledger::of(seen.polecats.iter().map(AsRef::as_ref));
    let polecats: HashMap<PolecatKey, &Polecat> = seen
        .polecats
        .iter()
        .map(|polecat| (PolecatKey::of(polecat), polecat.as_ref()))
        .collect();
    let slots = slots(rig);
    let mut absent = BTreeSet::new();
    let plan = loop {
        let plan = plan(&Scene {
            rig: &name,
            max_polecats: rig.spec.settings.max_polecats as usize,
            policy,
            slots: &slots,
            beads: &beads,
            polecats: &polecats,
            ledger: &ledger,
            batches: &batches,
            absent: &absent,
            scope: &context.settings.scope,
            now: seen.now,
        });
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
    create(rig, &plan, &batches, context).await?;
    prune(rig, policy, seen, &batches, context).await?;
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

fn slots(rig: &Rig) -> Vec<Slot> {
    let texts = rig
        .status
        .iter()
        .flat_map(|status| status.slots.iter().flatten());
    texts.filter_map(|text| Slot::parse(text)).collect()
}

/// Whether a status was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    /// It has time.
    Later,
    /// The API server does not know the list of slots: nothing may start.
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
    let slots = |rig: &Rig| rig.status.as_ref().and_then(|status| status.slots.clone());
    if slots(&written) != slots(&wanted) {
        let message = "the CRD of Rigs does not keep status.slots, so nothing is started: install the CRDs of this version";
        tracing::error!(rig = name, "{message}");
        context.set_trouble(
            &name,
            Some(Trouble {
                reason: "SlotsNotKept",
                message: message.into(),
            }),
        );
        return Ok(Written::NotKept);
    }
    Ok(Written::Yes)
}

/// Creates the Polecats that have their slots now. One that exists already was created before.
async fn create(
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
        .map(|new| newborn(new, rig, batches, runner))
        .collect();
    let at_once = if unborn.len() <= IN_ORDER { 1 } else { AT_ONCE };
    let births = iter(unborn)
        .map(|polecat| bear(polecat, context))
        .buffered(at_once);
    let answers: Vec<Result<(), Fault>> = births.collect().await;
    let failed = answers.into_iter().find_map(Result::err);
    let trouble = failed
        .as_ref()
        .filter(|fault| fault.reason().needs_a_person());
    let trouble = trouble.map(|fault| Trouble {
        reason: fault.reason().as_str(),
        message: fault.to_string(),
    });
    context.set_trouble(&rig.name_any(), trouble);
    failed.map_or(Ok(()), Err)
}

async fn bear(polecat: Polecat, context: &Context) -> Result<(), Fault> {
    let key = PolecatKey::of(&polecat);
    let PolecatKey { namespace, name } = &key;
    match context.cluster.create_polecat(&polecat).await {
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
        }
        Err(fault) if fault.is_already_exists() => {
            tracing::debug!(namespace, name, "polecat exists already")
        }
        // What is in a namespace that goes away goes away with it.
        Err(fault) if matches!(fault.reason(), Reason::Terminating | Reason::NotFound) => {
            tracing::debug!(namespace, name, "namespace is going away");
        }
        Err(fault) => return Err(fault),
    }
    context.born.put(key, ());
    Ok(())
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
    let waiting: Vec<_> = plan
        .waiting()
        .into_iter()
        .map(|waiting| (waiting.reason, usize::try_from(waiting.count).unwrap_or(0)))
        .collect();
    context.observations.queue(&Queue {
        rig: &rig.name_any(),
        limit: rig.spec.settings.max_polecats as usize,
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
