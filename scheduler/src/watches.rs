//! The watches that the controllers need, and the caches that they fill.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use beadlet_store::keys::{label, work};
use beadlet_store::kinds::{BeadStore, Convoy, Polecat, Rig};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::decide::scope::Scope;
use crate::settings::Settings;
use crate::watch::{Parsed, Reflected, config, follow, follow_guarded, store};
use crate::wire::Wires;
use crate::world::{Beads, World};

/// Resolves when every cache is complete.
pub(crate) type Ready = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who hears that an object was one thing and is another now.
type Changed<K> = fn(&Wires, &World, Option<&K>, Option<&K>);

/// The other ends of the caches.
struct Writers {
    rigs: Writer<Rig>,
    polecats: Writer<Polecat>,
    convoys: Writer<Convoy>,
    stores: Writer<BeadStore>,
    jobs: Writer<Job>,
    pods: Writer<Pod>,
}

/// Starts the watches that the chosen controllers need.
pub(crate) fn watches(
    client: &Client,
    settings: &Settings,
    wires: &Wires,
    parts: &mut JoinSet<()>,
) -> (World, Ready) {
    let (world, writers) = caches();
    let (told, beads) = oneshot::channel();
    let has_jobs = settings.controllers.polecat;
    let mut watches = Watches {
        client,
        scope: &settings.scope,
        wires,
        world: &world,
        parts,
    };
    let Writers {
        rigs,
        polecats,
        convoys,
        stores,
        jobs,
        pods,
    } = writers;
    let every = Api::all(client.clone());
    watches.ours("rigs", every, rigs, Wires::rig_changed);
    let here = scoped(client, &settings.scope);
    watches.ours("polecats", here, polecats, Wires::polecat_changed);
    let here = scoped(client, &settings.scope);
    watches.ours("convoys", here, convoys, Wires::convoy_changed);
    let here = scoped(client, &settings.scope);
    watches.ours("beadstores", here, stores, Wires::store_changed);
    watches.beads(told);
    if has_jobs {
        watches.parts_of_polecats("jobs", jobs, |wires, world, before, after| {
            world.own_jobs.seen(before, after);
            wires.part_changed(before, after);
        });
        watches.parts_of_polecats("pods", pods, |wires, world, before, after| {
            world.links.pod_changed(before, after);
            wires.part_changed(before, after);
        });
    }
    let ready = complete(world.clone(), beads, has_jobs);
    (world, Box::pin(ready))
}

fn caches() -> (World, Writers) {
    let ((rigs, rigs_w), (polecats, polecats_w), (convoys, convoys_w)) =
        (store(), store(), store());
    let ((stores, stores_w), (jobs, jobs_w), (pods, pods_w)) = (store(), store(), store());
    let world = World {
        rigs,
        polecats,
        convoys,
        stores,
        jobs,
        pods,
        beads: Arc::new(Beads::default()),
        links: Arc::default(),
        own_polecats: Arc::default(),
        own_jobs: Arc::default(),
    };
    let writers = Writers {
        rigs: rigs_w,
        polecats: polecats_w,
        convoys: convoys_w,
        stores: stores_w,
        jobs: jobs_w,
        pods: pods_w,
    };
    (world, writers)
}

/// What a watch is started with.
struct Watches<'a> {
    client: &'a Client,
    scope: &'a Scope,
    wires: &'a Wires,
    world: &'a World,
    parts: &'a mut JoinSet<()>,
}

impl Watches<'_> {
    /// A kind of ours.
    fn ours<K>(
        &mut self,
        what: &'static str,
        api: Api<DeserializeGuard<K>>,
        writer: Writer<K>,
        changed: Changed<K>,
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let cache = Reflected::new(writer, self.tell(changed));
        self.parts.spawn(follow_guarded(what, api, cache));
    }

    /// What belongs to Polecats.
    fn parts_of_polecats<K>(&mut self, what: &'static str, writer: Writer<K>, changed: Changed<K>)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Debug
            + Send
            + Sync
            + 'static,
    {
        let labelled = config().labels(work::POLECAT);
        let cache = Reflected::new(writer, self.tell(changed));
        let api = scoped(self.client, self.scope);
        self.parts.spawn(follow(what, api, labelled, cache));
    }

    /// The ConfigMaps of the mirror. `told` hears when all are known.
    fn beads(&mut self, told: oneshot::Sender<()>) {
        let changed = self.tell(Wires::bead_changed);
        let cache = Parsed::new(Arc::clone(&self.world.beads), told, changed);
        let api: Api<ConfigMap> = scoped(self.client, self.scope);
        self.parts.spawn(follow("beads", api, of_mirror(), cache));
    }

    fn tell<K: 'static>(
        &self,
        changed: Changed<K>,
    ) -> impl FnMut(Option<&K>, Option<&K>) + Send + use<K> {
        let (wires, world) = (self.wires.clone(), self.world.clone());
        move |before, after| changed(&wires, &world, before, after)
    }
}

fn of_mirror() -> watcher::Config {
    config().labels(&format!(
        "{}={},{}",
        label::MANAGED_BY,
        label::MANAGED_BY_BEADLET,
        label::READY
    ))
}

async fn complete(world: World, beads: oneshot::Receiver<()>, has_jobs: bool) {
    // An error means that the watch is gone, and then its task ends the whole.
    let _ = beads.await;
    let _ = world.rigs.wait_until_ready().await;
    let _ = world.polecats.wait_until_ready().await;
    let _ = world.convoys.wait_until_ready().await;
    let _ = world.stores.wait_until_ready().await;
    if has_jobs {
        let _ = world.jobs.wait_until_ready().await;
        let _ = world.pods.wait_until_ready().await;
    }
    tracing::info!("caches complete");
}

fn scoped<K>(client: &Client, scope: &Scope) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match scope {
        Scope::Cluster => Api::all(client.clone()),
        Scope::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
    }
}
