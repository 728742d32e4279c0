//! The BeadStore controller: a mirror for every BeadStore, its Secrets by reference, its status, its end.

mod cluster;
mod doors;
mod keeper;
mod release;

use std::collections::HashMap;
use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use beadlet_store::kinds::{BeadStore, Rig};
use beadlet_store::trace::Watcher;
use data_encoding::HEXLOWER;
use futures::StreamExt;
use kube::runtime::Controller;
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::decide::beadstore::{Given, Inputs, LocalRepositories, References, Wrong, settings};
use crate::decide::farewell::{Farewell, farewell};
use crate::git::Author;
use crate::inputs;
use crate::report::Report;
use crate::writeback::Desk;
use cluster::{Cluster, ControlError};
use keeper::{Keeper, Order};

pub use cluster::{Ask, ControlError as Error};
pub use doors::{Doors, Pullers, keep as keep_doors};
pub use release::release;

/// How often Secrets and ConfigMaps are read again although nothing says that they changed.
const REFRESH: Duration = Duration::from_secs(30);
/// How long until something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// How the controller runs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// All namespaces when `None`.
    pub namespace: Option<String>,
    /// Under which the clones are kept.
    pub clones: PathBuf,
    pub local_repositories: LocalRepositories,
    /// Who commits what is written back, where a BeadStore names nobody.
    pub author: Author,
    /// Ways to start passes, for the receiver of webhooks; `None` where there is none.
    pub pullers: Option<Pullers>,
    /// Who wants to see spans.
    pub watcher: Watcher,
}

/// A BeadStore by namespace and name.
pub type Key = (String, String);

/// The latest reports of all mirrors, for metrics. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Reports(Arc<Mutex<HashMap<Key, watch::Receiver<Report>>>>);

impl Reports {
    /// Namespace, name and latest report of every BeadStore that is mirrored, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<(Key, Report)> {
        let reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports
            .iter()
            .map(|(key, report)| (key.clone(), report.borrow().clone()))
            .collect()
    }

    /// Shows the reports of one more mirror.
    pub fn put(&self, key: Key, report: watch::Receiver<Report>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, report);
    }

    fn take(&self, key: &Key) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

struct Context {
    cluster: Cluster,
    desk: Arc<Desk>,
    setup: Setup,
    reports: Reports,
    keepers: Mutex<HashMap<Key, Keeper>>,
}

/// Keeps a mirror for every BeadStore until `stop` is cancelled, and then lets the passes in flight finish. Dropped, it stops where it is.
pub async fn run(client: Client, setup: Setup, reports: Reports, stop: CancellationToken) {
    let stores: Api<BeadStore> = match &setup.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let desk = Arc::new(Desk {
        client: client.clone(),
        namespace: setup.namespace.clone(),
        author: setup.author.clone(),
        polecats: OnceLock::new(),
        watcher: setup.watcher.clone(),
    });
    let context = Arc::new(Context {
        cluster: Cluster::new(client.clone()),
        desk,
        setup,
        reports,
        keepers: Mutex::default(),
    });
    let controller = Controller::new(stores, watcher::Config::default())
        .with_config(Config::default().concurrency(8));
    let known = controller.store();
    let of_rig = move |rig: Rig| -> Vec<ObjectRef<BeadStore>> {
        let refers = |store: &&Arc<BeadStore>| store.spec.rig_ref == rig.metadata.name;
        known
            .state()
            .iter()
            .filter(refers)
            .map(|store| ObjectRef::from_obj(store.as_ref()))
            .collect()
    };
    controller
        .watches(Api::<Rig>::all(client), watcher::Config::default(), of_rig)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(reconcile, after_error, Arc::clone(&context))
        .for_each(|_| ready(()))
        .await;
    let keepers = std::mem::take(
        &mut *context
            .keepers
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    );
    futures::future::join_all(keepers.into_values().map(Keeper::end)).await;
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is kube's")]
fn after_error(store: Arc<BeadStore>, error: &ControlError, _: Arc<Context>) -> Action {
    let (namespace, name) = (store.namespace(), store.name_any());
    tracing::warn!(%error, namespace, name, "beadstore will be tried again");
    Action::requeue(AGAIN)
}

fn key(store: &BeadStore) -> Key {
    (store.namespace().unwrap_or_default(), store.name_any())
}

async fn reconcile(store: Arc<BeadStore>, context: Arc<Context>) -> Result<Action, ControlError> {
    if store.metadata.deletion_timestamp.is_some() {
        return end(&store, &context).await;
    }
    let store = context.cluster.with_finalizer(&store).await?;
    let (settings, refers) = resolve(&store, &context).await?;
    let webhook = webhook(&store, &context).await?;
    let order = Order {
        store: Arc::new(store),
        settings,
        webhook,
    };
    let unsent = {
        let keepers = context
            .keepers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match keepers.get(&key(&order.store)) {
            Some(keeper) => keeper.tell(order).err(),
            None => Some(order),
        }
    };
    if let Some(order) = unsent {
        begin(order, &context);
    }
    Ok(if refers {
        Action::requeue(REFRESH)
    } else {
        Action::await_change()
    })
}

fn begin(order: Order, context: &Context) {
    let key = key(&order.store);
    let keeper = Keeper::start(
        context.cluster.clone(),
        Arc::clone(&context.desk),
        context.setup.pullers.clone().unwrap_or_default(),
        order,
    );
    context.reports.put(key.clone(), keeper.reports());
    context
        .keepers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key, keeper);
}

/// What is in the way of the store's webhooks; `None` where it takes none.
async fn webhook(
    store: &BeadStore,
    context: &Context,
) -> Result<Option<Result<(), Refusal>>, ControlError> {
    if context.setup.pullers.is_none() && store.spec.webhook.is_some() {
        return Ok(Some(Err(Arc::new(Wrong::NoReceiver))));
    }
    let secret = inputs::webhook(&context.cluster.client(), store).await?;
    Ok(secret.map(|secret| secret.map(drop).map_err(Arc::new)))
}

/// The settings and what they were made from, and whether they depend on objects that are not watched.
async fn resolve(
    store: &BeadStore,
    context: &Context,
) -> Result<(keeper::Resolved, bool), ControlError> {
    let client = context.cluster.client();
    let rig = inputs::rig(&client, store).await?;
    let read = inputs::inputs(&client, store).await?;
    let refers = !References::of(&store.spec).is_empty();
    let resolved = read.and_then(|inputs| {
        let given = Given {
            store,
            rig: rig.as_ref(),
            inputs: &inputs,
            clones: &context.setup.clones,
            local_repositories: context.setup.local_repositories,
        };
        settings(given).map(|settings| {
            (
                Box::new(settings),
                fingerprint(store, rig.as_ref(), &inputs),
            )
        })
    });
    Ok((resolved.map_err(Arc::new), refers))
}

/// Changes with everything that settings are made from.
fn fingerprint(store: &BeadStore, rig: Option<&Rig>, inputs: &Inputs) -> String {
    let of_rig = rig.map(|rig| {
        (
            &rig.spec.git_url,
            &rig.spec.local_path,
            &rig.spec.beads_prefix,
        )
    });
    let Inputs {
        credential,
        known_hosts,
        ca_bundle,
        signing_key,
    } = inputs;
    let allowed = store
        .annotations()
        .get(beadlet_store::keys::annotation::ALLOW_DELETE);
    let all = serde_json::to_vec(&(
        &store.spec,
        of_rig,
        credential,
        known_hosts,
        ca_bundle,
        signing_key,
        allowed,
        store.uid(),
    ))
    .unwrap_or_default();
    HEXLOWER.encode(&Sha256::digest(&all))
}

/// Ends the mirror, and parts with the BeadStore.
async fn end(store: &BeadStore, context: &Context) -> Result<Action, ControlError> {
    let keeper = context
        .keepers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&key(store));
    context.reports.take(&key(store));
    if let Some(keeper) = keeper {
        keeper.end().await;
    }
    part_with(store, &context.cluster).await?;
    Ok(Action::await_change())
}

/// Does with the ConfigMaps what the policy says, and lets the BeadStore go.
async fn part_with(store: &BeadStore, cluster: &Cluster) -> Result<(), ControlError> {
    match farewell(&store.spec) {
        Farewell::LeaveBeads => cluster.orphan(store).await?,
        Farewell::TakeBeads => {}
    }
    cluster.without_finalizer(store).await
}

/// What stands in the way of a mirror, or what it needs.
pub(crate) type Refusal = Arc<Wrong>;
