//! Whose webhooks are believed, and what a believed one does. Every replica knows, as a webhook may reach any of them.
//!
//! The Secrets are read when a BeadStore changes and every 30 seconds, never because somebody calls: a call that is not signed costs the
//! API server nothing.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use beadlet_store::kinds::BeadStore;
use futures::StreamExt;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::cluster::Cluster;
use super::{Key, REFRESH, key};
use crate::git::Secret;
use crate::inputs;
use crate::triggers::{Bell, Puller, Trigger};

/// Between two announcements of pushes to the same store, each of which is a write.
const ANNOUNCED: Duration = Duration::from_secs(1);

/// Starts passes of the mirrors of this process. Clones start the same.
#[derive(Clone, Debug, Default)]
pub struct Pullers(Arc<Mutex<HashMap<Key, Puller>>>);

impl Pullers {
    pub(super) fn put(&self, key: Key, puller: Puller) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, puller);
    }

    pub(super) fn take(&self, key: &Key) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    /// Whether there is such a mirror here.
    fn pull(&self, key: &Key, trigger: Trigger) -> bool {
        let pullers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let puller = pullers.get(key);
        puller.is_some_and(|puller| {
            puller.pull(trigger);
            true
        })
    }
}

/// The BeadStores that take webhooks. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Doors(Arc<RwLock<HashMap<Key, Door>>>);

#[derive(Clone, Debug)]
struct Door {
    /// Of which object, in which form.
    about: (Option<String>, Option<i64>),
    /// What calls are signed with, where it could be read.
    secret: Option<Secret>,
    bell: Bell,
}

impl Doors {
    /// What calls for the BeadStore of this namespace and name are signed with, and what to ring when they are. Whether there is no such
    /// BeadStore, it takes no webhooks, or its Secret cannot be read is not told apart.
    #[must_use]
    pub fn at(&self, key: &Key) -> Option<(Secret, Bell)> {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Door { secret, bell, .. } = doors.get(key)?;
        Some((secret.clone()?, bell.clone()))
    }

    fn find(&self, key: &Key) -> Option<Door> {
        let doors = self.0.read().unwrap_or_else(PoisonError::into_inner);
        doors.get(key).cloned()
    }

    fn put(&self, key: Key, door: Door) {
        let mut doors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        doors.insert(key, door);
    }

    fn keep_only(&self, keys: &HashSet<Key>) {
        let mut doors = self.0.write().unwrap_or_else(PoisonError::into_inner);
        doors.retain(|key, _| keys.contains(key));
    }
}

/// Keeps `doors` as the BeadStores of a namespace (or all) say, until `stop` is cancelled. A store that is mirrored here is looked at when
/// its bell rings; on any other the push is announced, so that whoever mirrors it looks.
pub async fn keep(
    client: Client,
    namespace: Option<String>,
    doors: Doors,
    pullers: Pullers,
    stop: CancellationToken,
) {
    let stores: Api<BeadStore> = match &namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let keeper = DoorKeeper {
        cluster: Cluster::new(client),
        doors,
        pullers,
    };
    let (known, writer) = reflector::store();
    let changes = watcher(stores, watcher::Config::default()).default_backoff();
    let mut changes = pin!(reflector(writer, changes));
    let mut again = tokio::time::interval(REFRESH);
    again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let reading = async {
        loop {
            let read_again = tokio::select! {
                change = changes.next() => match change {
                    Some(Ok(_)) => false,
                    Some(Err(error)) => {
                        tracing::debug!(%error, "beadstores that take webhooks are watched anew");
                        continue;
                    }
                    None => return,
                },
                _ = again.tick() => true,
            };
            keeper.look(&known.state(), read_again).await;
        }
    };
    stop.run_until_cancelled(reading).await;
}

struct DoorKeeper {
    cluster: Cluster,
    doors: Doors,
    pullers: Pullers,
}

impl DoorKeeper {
    async fn look(&self, stores: &[Arc<BeadStore>], read_again: bool) {
        let mut keys = HashSet::new();
        for store in stores {
            let is_going = store.metadata.deletion_timestamp.is_some();
            if store.spec.webhook.is_some() && !is_going {
                self.look_at(store, read_again).await;
                keys.insert(key(store));
            }
        }
        self.doors.keep_only(&keys);
    }

    async fn look_at(&self, store: &BeadStore, read_again: bool) {
        let (key, about) = (key(store), (store.uid(), store.metadata.generation));
        let known = self.doors.find(&key);
        if !read_again && known.as_ref().is_some_and(|door| door.about == about) {
            return;
        }
        let before = known.as_ref().and_then(|door| door.secret.clone());
        let secret = match inputs::webhook(&self.cluster.client(), store).await {
            Ok(None) => None,
            Ok(Some(Ok(secret))) => Some(secret),
            Ok(Some(Err(wrong))) => {
                let (namespace, name) = &key;
                tracing::warn!(namespace, name, reason = wrong.reason(), error = %wrong, "no webhook for the beadstore is believed");
                None
            }
            // The API server is in trouble, not the Secret.
            Err(error) => {
                let (namespace, name) = &key;
                tracing::warn!(namespace, name, %error, "what webhooks are signed with will be read again");
                before
            }
        };
        let bell = known.map_or_else(|| self.bell(key.clone()), |door| door.bell);
        let door = Door {
            about,
            secret,
            bell,
        };
        self.doors.put(key, door);
    }

    fn bell(&self, key: Key) -> Bell {
        let (cluster, pullers) = (self.cluster.clone(), self.pullers.clone());
        Bell::new(move || {
            let (cluster, pullers, key) = (cluster.clone(), pullers.clone(), key.clone());
            async move {
                if pullers.pull(&key, Trigger::Webhook) {
                    return Bell::PAUSE;
                }
                let (namespace, name) = &key;
                match cluster.announce(&key).await {
                    Ok(()) => tracing::debug!(namespace, name, "push announced"),
                    Err(error) => {
                        tracing::warn!(namespace, name, %error, "push not announced, the next look at the branch sees it");
                    }
                }
                ANNOUNCED
            }
        })
    }
}
