//! A client that watches beads, or other objects, as a user's program would, and notes when it sees what.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

/// The beads of a namespace.
const BEADS: &str = "app.kubernetes.io/managed-by=beadlet";
/// More than one commit changes here; a watcher that is not read for longer than this waits.
const BACKLOG: usize = 4_096;

/// A change that arrived: of a bead's ConfigMap where nothing else is said.
#[derive(Clone, Debug)]
pub struct Sighting<K = ConfigMap> {
    pub at: Instant,
    pub gone: bool,
    pub object: K,
}

/// A watch that is kept up. Dropping it ends it.
pub struct Watching<K = ConfigMap> {
    sightings: mpsc::Receiver<Result<Sighting<K>>>,
    task: JoinHandle<()>,
}

impl Watching {
    /// Begins to watch the beads of a namespace from now on.
    ///
    /// # Errors
    /// The namespace cannot be listed.
    pub async fn start(client: Client, namespace: &str) -> Result<Self> {
        Self::of(Api::namespaced(client, namespace), BEADS).await
    }
}

impl<K> Watching<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Begins to watch what `labels` select, everything where they are empty, from now on.
    ///
    /// # Errors
    /// The objects cannot be listed.
    pub async fn of(api: Api<K>, labels: &str) -> Result<Self> {
        let now = api
            .list_metadata(&ListParams::default().labels(labels).limit(1))
            .await?;
        let version = now
            .metadata
            .resource_version
            .context("a list has no resource version")?;
        let params = WatchParams::default().labels(labels);
        let (sender, sightings) = mpsc::channel(BACKLOG);
        let task = tokio::spawn(async move {
            if let Err(error) = follow(&api, &params, version, &sender).await {
                // Whoever asks next is told; when nobody does, nobody minds.
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Self { sightings, task })
    }

    /// Whatever comes next.
    ///
    /// # Errors
    /// The watch broke.
    pub async fn next(&mut self) -> Result<Sighting<K>> {
        self.sightings.recv().await.context("the watch ended")?
    }

    /// Drops what has arrived and was not asked for.
    pub fn forget(&mut self) {
        while self.sightings.try_recv().is_ok() {}
    }

    /// The next sighting for which `wanted` holds; those before it are dropped.
    ///
    /// # Errors
    /// None comes in time, or the watch broke.
    pub async fn see(
        &mut self,
        what: &str,
        at_most: Duration,
        wanted: impl Fn(&Sighting<K>) -> bool,
    ) -> Result<Sighting<K>> {
        let end = tokio::time::Instant::now() + at_most;
        loop {
            let next = timeout_at(end, self.next()).await;
            let sighting =
                next.with_context(|| format!("{what} did not arrive within {at_most:?}"))??;
            if wanted(&sighting) {
                return Ok(sighting);
            }
        }
    }
}

impl<K> Drop for Watching<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sighting {
    /// Whether this is the bead with this id.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        self.object
            .annotations()
            .get("gastown.gastown.io/bead-id")
            .is_some_and(|found| found == id)
    }

    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.object.labels().get(key).map(String::as_str)
    }

    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.object.data.as_ref()?.get("title").map(String::as_str)
    }
}

/// Watches until nobody listens; a server ends every watch after some minutes, then the next one goes on from there.
async fn follow<K>(
    api: &Api<K>,
    params: &WatchParams,
    mut version: String,
    sender: &mpsc::Sender<Result<Sighting<K>>>,
) -> Result<()>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    loop {
        let events = api.watch(params, &version).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            let (at, event) = (Instant::now(), event?);
            let (gone, object) = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => (false, object),
                WatchEvent::Deleted(object) => (true, object),
                WatchEvent::Bookmark(mark) => {
                    version = mark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) => bail!("the watch broke: {status}"),
            };
            if let Some(seen) = object.meta().resource_version.clone() {
                version = seen;
            }
            if sender
                .send(Ok(Sighting { at, gone, object }))
                .await
                .is_err()
            {
                return Ok(());
            }
        }
    }
}
