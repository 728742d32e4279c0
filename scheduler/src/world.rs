//! What the scheduler knows of the cluster: caches, kept by watches ([`crate::watch`]), and what leads from one to the other.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use beadlet_store::keys::work;
use beadlet_store::kinds::{BeadStore, Convoy, Polecat, Rig};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::decide::attempt::Attempt;
use crate::decide::bead::{Bead, BeadKey};
use crate::decide::fate::mirrors;
use crate::decide::slot::PolecatKey;
use crate::latest::Latest;

/// The caches. Each may be behind by itself.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) rigs: Store<Rig>,
    pub(crate) polecats: Store<Polecat>,
    pub(crate) convoys: Store<Convoy>,
    pub(crate) stores: Store<BeadStore>,
    pub(crate) jobs: Store<Job>,
    pub(crate) pods: Store<Pod>,
    pub(crate) beads: Arc<Beads>,
    pub(crate) links: Arc<Links>,
    pub(crate) own_polecats: Arc<Latest<Polecat>>,
    pub(crate) own_jobs: Arc<Latest<Job>>,
}

impl World {
    pub(crate) fn rig(&self, name: &str) -> Option<Arc<Rig>> {
        self.rigs.get(&ObjectRef::new(name))
    }

    pub(crate) fn job(&self, namespace: &str, name: &str) -> Option<Arc<Job>> {
        let cached = self.jobs.get(&ObjectRef::new(name).within(namespace));
        self.own_jobs.newer(namespace, name, cached)
    }

    pub(crate) fn convoy(&self, namespace: &str, name: &str) -> Option<Arc<Convoy>> {
        self.convoys.get(&ObjectRef::new(name).within(namespace))
    }

    pub(crate) fn polecat(&self, key: &PolecatKey) -> Option<Arc<Polecat>> {
        self.polecats.get(&reference(key))
    }

    /// The pods of a Polecat.
    pub(crate) fn pods_of(&self, key: &PolecatKey) -> Vec<Arc<Pod>> {
        let names = self.links.pods_of(key);
        names
            .iter()
            .filter_map(|name| self.pods.get(&ObjectRef::new(name).within(&key.namespace)))
            .collect()
    }

    /// The Polecats that work, or worked, on a bead.
    pub(crate) fn attempts(&self, bead: &BeadKey) -> Vec<Arc<Polecat>> {
        self.links
            .attempts(bead)
            .iter()
            .filter_map(|key| self.polecat(key))
            .collect()
    }

    /// Whether the BeadStore of that name says truly which beads there are.
    pub(crate) fn has_store(&self, namespace: &str, name: &str) -> bool {
        let store = self.stores.get(&ObjectRef::new(name).within(namespace));
        store.is_some_and(|store| mirrors(&store))
    }
}

pub(crate) fn reference(key: &PolecatKey) -> ObjectRef<Polecat> {
    ObjectRef::new(&key.name).within(&key.namespace)
}

/// A bead, and since when this process has seen it ready.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) bead: Arc<Bead>,
    pub(crate) ready_since: Option<Timestamp>,
}

/// The beads of the mirror, much smaller than their ConfigMaps.
#[derive(Debug, Default)]
pub(crate) struct Beads(RwLock<HashMap<BeadKey, Known>>);

impl Beads {
    pub(crate) fn get(&self, key: &BeadKey) -> Option<Known> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    pub(crate) fn ready(&self) -> Vec<Arc<Bead>> {
        let beads = self.0.read().unwrap_or_else(PoisonError::into_inner);
        beads
            .values()
            .filter(|known| known.bead.ready)
            .map(|known| Arc::clone(&known.bead))
            .collect()
    }

    pub(crate) fn convoys(&self) -> Vec<Arc<Bead>> {
        let beads = self.0.read().unwrap_or_else(PoisonError::into_inner);
        beads
            .values()
            .filter(|known| known.bead.issue_type == "convoy")
            .map(|known| Arc::clone(&known.bead))
            .collect()
    }

    /// Puts a bead in, and gives the one before.
    pub(crate) fn put(&self, bead: Bead, now: Timestamp) -> Option<Arc<Bead>> {
        let mut beads = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = beads.get(&bead.key).cloned();
        let ready_since = before
            .as_ref()
            .and_then(|known| known.ready_since)
            .or(Some(now))
            .filter(|_| bead.ready);
        beads.insert(
            bead.key.clone(),
            Known {
                bead: Arc::new(bead),
                ready_since,
            },
        );
        before.map(|known| known.bead)
    }

    /// Takes a bead out, if the ConfigMap of that name held it.
    pub(crate) fn take(&self, key: &BeadKey, configmap: &str) -> Option<Arc<Bead>> {
        let mut beads = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_this = beads
            .get(key)
            .is_some_and(|known| known.bead.configmap == configmap);
        is_this
            .then(|| beads.remove(key))
            .flatten()
            .map(|known| known.bead)
    }

    /// All that are not in `kept`.
    pub(crate) fn retain(&self, kept: &BTreeSet<BeadKey>) -> Vec<Arc<Bead>> {
        let mut beads = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<BeadKey> = beads
            .keys()
            .filter(|key| !kept.contains(key))
            .cloned()
            .collect();
        gone.iter()
            .filter_map(|key| beads.remove(key))
            .map(|known| known.bead)
            .collect()
    }
}

/// Which Polecats and Convoys have to do with a bead, and which pods with a Polecat.
#[derive(Debug, Default)]
pub(crate) struct Links {
    attempts: RwLock<HashMap<BeadKey, BTreeSet<PolecatKey>>>,
    convoys: RwLock<HashMap<BeadKey, BTreeSet<(String, String)>>>,
    pods: RwLock<HashMap<PolecatKey, BTreeSet<String>>>,
}

impl Links {
    pub(crate) fn attempts(&self, bead: &BeadKey) -> Vec<PolecatKey> {
        all(&self.attempts, bead)
    }

    /// Namespaces and names.
    pub(crate) fn convoys(&self, bead: &BeadKey) -> Vec<(String, String)> {
        all(&self.convoys, bead)
    }

    pub(crate) fn pods_of(&self, polecat: &PolecatKey) -> Vec<String> {
        all(&self.pods, polecat)
    }

    pub(crate) fn polecat_changed(&self, before: Option<&Polecat>, after: Option<&Polecat>) {
        let of = |polecat: Option<&Polecat>| {
            polecat.and_then(|polecat| Some((polecat.bead()?, PolecatKey::of(polecat))))
        };
        relink(&self.attempts, of(before), of(after));
    }

    pub(crate) fn convoy_changed(&self, before: Option<&Convoy>, after: Option<&Convoy>) {
        let of = |convoy: Option<&Convoy>| -> Vec<(BeadKey, (String, String))> {
            let Some(convoy) = convoy else {
                return Vec::new();
            };
            let namespace = convoy.namespace().unwrap_or_default();
            let key = (namespace.clone(), convoy.name_any());
            let beads = convoy.spec.tracked_beads.iter();
            beads
                .map(|id| {
                    (
                        BeadKey {
                            namespace: namespace.clone(),
                            id: id.clone(),
                        },
                        key.clone(),
                    )
                })
                .collect()
        };
        of(before)
            .into_iter()
            .for_each(|link| relink(&self.convoys, Some(link), None));
        of(after)
            .into_iter()
            .for_each(|link| relink(&self.convoys, None, Some(link)));
    }

    pub(crate) fn pod_changed(&self, before: Option<&Pod>, after: Option<&Pod>) {
        let of = |pod: Option<&Pod>| pod.and_then(|pod| Some((polecat_of(pod)?, pod.name_any())));
        relink(&self.pods, of(before), of(after));
    }
}

/// The Polecat that an object of a Job's is labelled with.
pub(crate) fn polecat_of(object: &impl ResourceExt) -> Option<PolecatKey> {
    let name = object.labels().get(work::POLECAT)?.clone();
    Some(PolecatKey {
        namespace: object.namespace().unwrap_or_default(),
        name,
    })
}

type Links1<K, V> = RwLock<HashMap<K, BTreeSet<V>>>;

fn all<K: std::hash::Hash + Eq, V: Clone>(links: &Links1<K, V>, key: &K) -> Vec<V> {
    let links = links.read().unwrap_or_else(PoisonError::into_inner);
    links.get(key).into_iter().flatten().cloned().collect()
}

fn relink<K: std::hash::Hash + Eq, V: Ord>(
    links: &Links1<K, V>,
    before: Option<(K, V)>,
    after: Option<(K, V)>,
) {
    let mut links = links.write().unwrap_or_else(PoisonError::into_inner);
    if let Some((key, value)) = before
        && let Some(values) = links.get_mut(&key)
    {
        values.remove(&value);
        if values.is_empty() {
            links.remove(&key);
        }
    }
    if let Some((key, value)) = after {
        links.entry(key).or_default().insert(value);
    }
}
