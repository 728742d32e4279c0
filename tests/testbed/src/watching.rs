//! A client that watches beads, as a user's program would, and notes when it sees what.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

/// The beads of a namespace.
const BEADS: &str = "app.kubernetes.io/managed-by=beadlet";
/// More than one commit changes here; a watcher that is not read for longer than this waits.
const BACKLOG: usize = 4_096;

/// A change of a bead's ConfigMap that arrived.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub at: Instant,
    pub gone: bool,
    pub bead: ConfigMap,
}

/// A watch that is kept up. Dropping it ends it.
pub struct Watching {
    sightings: mpsc::Receiver<Result<Sighting>>,
    task: JoinHandle<()>,
}

impl Watching {
    /// Begins to watch a namespace from now on.
    ///
    /// # Errors
    /// The namespace cannot be listed.
    pub async fn start(client: Client, namespace: &str) -> Result<Self> {
        let beads: Api<ConfigMap> = Api::namespaced(client, namespace);
        let now = beads
            .list_metadata(&ListParams::default().labels(BEADS).limit(1))
            .await?;
        let version = now
            .metadata
            .resource_version
            .context("a list has no resource version")?;
        let (sender, sightings) = mpsc::channel(BACKLOG);
        let task = tokio::spawn(async move {
            if let Err(error) = follow(&beads, version, &sender).await {
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
    pub async fn next(&mut self) -> Result<Sighting> {
        self.sightings.recv().await.context("the watch ended")?
    }

    /// The next sighting for which `wanted` holds; those before it are dropped.
    ///
    /// # Errors
    /// None comes in time, or the watch broke.
    pub async fn see(
        &mut self,
        what: &str,
        at_most: Duration,
        wanted: impl Fn(&Sighting) -> bool,
    ) -> Result<Sighting> {
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

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sighting {
    /// Whether this is the bead with this id.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        self.bead
            .annotations()
            .get("gastown.gastown.io/bead-id")
            .is_some_and(|found| found == id)
    }

    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.bead.labels().get(key).map(String::as_str)
    }

    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.bead.data.as_ref()?.get("title").map(String::as_str)
    }
}

/// Watches until nobody listens; a server ends every watch after some minutes, then the next one goes on from there.
async fn follow(
    beads: &Api<ConfigMap>,
    mut version: String,
    sender: &mpsc::Sender<Result<Sighting>>,
) -> Result<()> {
    let params = WatchParams::default().labels(BEADS);
    loop {
        let events = beads.watch(&params, &version).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            let (at, event) = (Instant::now(), event?);
            let (gone, bead) = match event {
                WatchEvent::Added(bead) | WatchEvent::Modified(bead) => (false, bead),
                WatchEvent::Deleted(bead) => (true, bead),
                WatchEvent::Bookmark(mark) => {
                    version = mark.metadata.resource_version;
                    continue;
                }
                WatchEvent::Error(status) => bail!("the watch broke: {status}"),
            };
            if let Some(seen) = bead.resource_version() {
                version = seen;
            }
            if sender.send(Ok(Sighting { at, gone, bead })).await.is_err() {
                return Ok(());
            }
        }
    }
}
