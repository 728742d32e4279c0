//! The scheduler as a whole: election, watches, controllers, clock.

use std::fmt::Debug;
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::controller::{Action, Config, ReconcileReason, ReconcileRequest, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::ask::Cluster;
use crate::clock::{Clock, Ring};
use crate::context::Context;
use crate::decide::policy::Policy;
use crate::fault::{Fault, Reason};
use crate::lease::{Elector, release};
use crate::observations::Observations;
use crate::settings::{Election, Settings};
use crate::tell::Teller;
use crate::term::Term;
use crate::watches::{Ready, watches};
use crate::wire::Wires;
use crate::world::World;
use crate::{convoy, polecat, rig};

/// Why the scheduler ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the clock does not start: {0}")]
    Clock(#[from] tokio_cron_scheduler::JobSchedulerError),
    #[error("a part of the scheduler ended: {0}")]
    Part(String),
}

/// Runs until `stop` says so. Stopping at any point is safe.
///
/// # Errors
/// When a part of it ends.
pub async fn run(
    client: Client,
    settings: Settings,
    observations: Arc<dyn Observations>,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let work = |term| {
        lead(
            client.clone(),
            settings.clone(),
            Arc::clone(&observations),
            term,
        )
    };
    elected(
        client.clone(),
        settings.election.clone(),
        Arc::clone(&observations),
        stop,
        work,
    )
    .await
}

/// Does `work` whenever this process leads, until `stop` says so; the work is dropped where it is when a term ends. Without an election this
/// process leads at once and for ever.
///
/// # Errors
/// When the work ends by itself.
pub async fn elected<E: From<RunError>, F: Future<Output = Result<(), E>>>(
    client: Client,
    election: Option<Election>,
    observations: Arc<dyn Observations>,
    stop: impl Future<Output = ()>,
    work: impl Fn(Term) -> F,
) -> Result<(), E> {
    let Some(election) = election else {
        observations.leads(true);
        return tokio::select! {
            answer = work(Term::forever()) => answer,
            () = stop => Ok(()),
        };
    };
    let (elector, until) = Elector::new(client.clone(), election.clone(), observations);
    let answer = tokio::select! {
        () = elector.run() => Ok(()),
        answer = terms(until, work) => answer,
        () = stop => Ok(()),
    };
    release(client, &election).await;
    answer
}

/// Works whenever this process is elected.
async fn terms<E: From<RunError>, F: Future<Output = Result<(), E>>>(
    mut until: watch::Receiver<Option<Instant>>,
    work: impl Fn(Term) -> F,
) -> Result<(), E> {
    loop {
        let waited = until.wait_for(Option::is_some).await.map(drop);
        waited.map_err(|_| RunError::Part("election".into()))?;
        tokio::select! {
            answer = work(Term::elected(until.clone())) => return answer,
            () = end_of_term(until.clone()) => {}
        }
    }
}

/// Returns when the Lease is lost, or ran out without word from the election.
async fn end_of_term(mut until: watch::Receiver<Option<Instant>>) {
    loop {
        let Some(end) = *until.borrow_and_update() else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep_until(end) => return,
            changed = until.changed() => if changed.is_err() { return },
        }
    }
}

/// Everything that a leader does. Caches are new with every term.
///
/// # Errors
/// When a part of it ends.
pub async fn lead(
    client: Client,
    settings: Settings,
    observations: Arc<dyn Observations>,
    term: Term,
) -> Result<(), RunError> {
    let mut parts = JoinSet::new();
    let wires = Wires::default();
    let (world, ready) = watches(&client, &settings, &wires, &mut parts);
    let identity = settings
        .election
        .as_ref()
        .map(|election| election.identity.clone());
    let (teller, telling) = Teller::new(client.clone(), identity, Arc::clone(&observations));
    parts.spawn(telling);
    let ring: Ring = {
        let (wires, world) = (wires.clone(), world.clone());
        Arc::new(move || wires.all(&world))
    };
    let clock = Clock::start(settings.resync, Arc::clone(&ring)).await?;
    parts.spawn(keep_windows(
        clock,
        world.clone(),
        wires.clone(),
        ring,
        Arc::clone(&observations),
    ));
    let context = Context::new(
        Cluster::new(client, term),
        world,
        settings,
        teller,
        observations,
    );
    parts.spawn(control(Arc::new(context), wires, ready));
    match parts.join_next().await {
        Some(Err(error)) if error.is_panic() => Err(RunError::Part(error.to_string())),
        _ => Err(RunError::Part("it should have gone on".into())),
    }
}

/// Runs the chosen controllers on complete caches.
async fn control(context: Arc<Context>, wires: Wires, ready: Ready) {
    ready.await;
    let controllers = context.settings.controllers;
    let mut running = JoinSet::new();
    if controllers.dispatch {
        // One pass at a time: a convoy's parallelism counts over all Rigs.
        let config = Config::default()
            .concurrency(1)
            .debounce(Duration::from_millis(20));
        running.spawn(controller(
            rig::reconcile,
            Arc::clone(&context),
            context.world.rigs.clone(),
            wires.rigs.stream(),
            config,
        ));
    }
    if controllers.polecat {
        let config = Config::default().concurrency(48);
        running.spawn(controller(
            polecat::reconcile,
            Arc::clone(&context),
            context.world.polecats.clone(),
            wires.polecats.stream(),
            config,
        ));
    }
    if controllers.convoy {
        let config = Config::default()
            .concurrency(4)
            .debounce(Duration::from_millis(50));
        running.spawn(controller(
            convoy::reconcile,
            Arc::clone(&context),
            context.world.convoys.clone(),
            wires.convoys.stream(),
            config,
        ));
        running.spawn(mirror_convoys(Arc::clone(&context), wires));
    }
    if running.is_empty() {
        pending::<()>().await;
    }
    while running.join_next().await.is_none_or(|ended| ended.is_ok()) && !running.is_empty() {}
}

async fn controller<K, R>(
    reconcile: impl FnMut(Arc<K>, Arc<Context>) -> R,
    context: Arc<Context>,
    objects: Store<K>,
    queue: impl Stream<Item = ObjectRef<K>>,
    config: Config,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    R: Future<Output = Result<Action, Fault>> + Send + 'static,
{
    let requests = queue.map(|object| {
        let reason = ReconcileReason::Unknown;
        Ok::<_, std::convert::Infallible>(ReconcileRequest {
            obj_ref: object,
            reason,
        })
    });
    let mut reconcile = reconcile;
    let boxed = move |object, context| Box::pin(reconcile(object, context));
    let answers = applier(boxed, after_fault, context, objects, requests, config);
    answers.for_each(|_| futures::future::ready(())).await;
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is kube's")]
fn after_fault<K: Resource<DynamicType = ()>>(
    object: Arc<K>,
    fault: &Fault,
    _: Arc<Context>,
) -> Action {
    let (namespace, name) = (&object.meta().namespace, &object.meta().name);
    let kind = K::kind(&());
    let reason = fault.reason();
    match reason {
        Reason::Conflict | Reason::NotLeading => {
            tracing::debug!(%fault, %kind, namespace, name, "others were at work, looking again")
        }
        _ => {
            tracing::warn!(%fault, %kind, namespace, name, reason = reason.as_str(), "will try again")
        }
    }
    Action::requeue(reason.pause())
}

/// Convoys that live in git get their objects.
async fn mirror_convoys(context: Arc<Context>, wires: Wires) {
    let mut keys = Box::pin(wires.git_convoys.stream());
    while let Some(key) = keys.next().await {
        if let Err(fault) = convoy::mirror(&key, &context).await {
            tracing::warn!(%fault, namespace = key.namespace, bead = key.id, "convoy of git not mirrored, will try again");
            tokio::time::sleep(fault.reason().pause()).await;
            wires.git_convoys.push(key);
        }
    }
}

/// Sets the clock to the windows of all Rigs whenever one comes, changes or goes, and tells which there are.
async fn keep_windows(
    mut clock: Clock,
    world: World,
    wires: Wires,
    ring: Ring,
    observations: Arc<dyn Observations>,
) {
    let mut changes = Box::pin(wires.windows.stream());
    while changes.next().await.is_some() {
        let rigs = world.rigs.state();
        observations.rigs(&rigs.iter().map(|rig| rig.name_any()).collect());
        let policies = rigs.iter().filter_map(|rig| Policy::parse(&rig.spec).ok());
        let windows: Vec<_> = policies.flat_map(|policy| policy.windows).collect();
        if let Err(error) = clock.set_windows(&windows, &ring).await {
            tracing::warn!(%error, "the clock does not know all dispatch windows");
        }
    }
}
