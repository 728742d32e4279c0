//! A controller at work: the real program on a namespace of its own, with a BeadStore that mirrors a repository, and a Rig.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use beadlet_store::kinds::{BeadStore, Polecat, Rig};
use beadlet_testbed::daemon::{ControllerSetup, Daemon};
use beadlet_testbed::town::TownRepo;
use beadlet_testbed::usage::Usage;
use beadlet_testbed::watching::Watching;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{from_value, json};
use tokio::time::sleep;

use crate::bench::{Bench, DAEMON};

/// Long enough for 10,000 issues on a slow machine.
const FIRST_SYNC: Duration = Duration::from_secs(300);
/// How long the control plane may need to make the pods of 1,000 Jobs.
const CALM: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(100);
/// The label that beadlet puts on the Jobs and pods of Polecats.
const OF_POLECATS: &str = "gastown.gastown.io/polecat";

pub(crate) struct Controlled<'a> {
    bench: &'a Bench,
    pub(crate) namespace: String,
    daemon: Daemon,
}

impl<'a> Controlled<'a> {
    /// Starts a controller and waits until the repository is mirrored.
    pub(crate) async fn start(bench: &'a Bench, repo: &TownRepo) -> Result<Self> {
        let namespace = bench.namespace("controller").await?;
        let setup = ControllerSetup {
            program: bench.program().to_owned(),
            namespace: namespace.clone(),
            kubeconfig: Some(bench.testbed.user(DAEMON).kubeconfig().to_owned()),
            context: None,
            image: None,
            cache: bench.folder().join("cache"),
            log: bench.folder().join(format!("{namespace}.log")),
        };
        let controlled = Self {
            bench,
            namespace,
            daemon: setup.start()?,
        };
        controlled.store(repo).await?;
        Ok(controlled)
    }

    async fn store(&self, repo: &TownRepo) -> Result<()> {
        let wanted = from_value(json!({
            "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "BeadStore", "metadata": {"name": "beads"},
            "spec": {"source": {"url": repo.path()}},
        }))?;
        let api: Api<BeadStore> = Api::namespaced(self.bench.testbed.client(), &self.namespace);
        api.create(&PostParams::default(), &wanted).await?;
        let end = Instant::now() + FIRST_SYNC;
        while api
            .get("beads")
            .await?
            .status
            .and_then(|status| status.commit)
            .is_none()
        {
            if Instant::now() > end {
                bail!(
                    "nothing is mirrored after {FIRST_SYNC:?}; the end of the log:\n{}",
                    self.daemon.log_tail()
                );
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// A Rig of this namespace only, for the beads of a prefix. From now on they are started.
    pub(crate) async fn rig(&self, prefix: &str, limit: usize) -> Result<()> {
        let wanted: Rig = from_value(json!({
            "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": self.namespace},
            "spec": {
                "gitURL": "https://git.example.com/town.git", "beadsPrefix": prefix,
                "allowedNamespaces": [self.namespace], "settings": {"maxPolecats": limit},
                "polecatTemplate": {"spec": {"agent": "custom", "agentConfig": {"image": "agent:bench", "command": ["agent"]}}},
            },
        }))?;
        self.rigs().create(&PostParams::default(), &wanted).await?;
        Ok(())
    }

    fn rigs(&self) -> Api<Rig> {
        Api::all(self.bench.testbed.client())
    }

    /// What a user's program sees of the Jobs.
    pub(crate) async fn watching(&self) -> Result<Watching<Job>> {
        let jobs = Api::namespaced(self.bench.client("watcher"), &self.namespace);
        Watching::of(jobs, OF_POLECATS).await
    }

    /// What a user's program sees of the Polecats.
    pub(crate) async fn watching_polecats(&self) -> Result<Watching<Polecat>> {
        let polecats = Api::namespaced(self.bench.client("watcher"), &self.namespace);
        Watching::of(polecats, "").await
    }

    /// What the controller has used.
    pub(crate) fn usage(&self) -> Result<Usage> {
        self.daemon.usage()
    }

    /// Ends the controller and takes its Rig away. The Jobs stay.
    pub(crate) async fn stop(self) -> Result<()> {
        let rigs = self.rigs();
        self.daemon.stop();
        rigs.delete(&self.namespace, &DeleteParams::default())
            .await?;
        Ok(())
    }
}

/// Waits until pods can be made in a namespace.
pub(crate) async fn inhabitable(bench: &Bench, namespace: &str) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(bench.testbed.client(), namespace);
    let end = Instant::now() + CALM;
    while accounts.get_opt("default").await?.is_none() {
        if Instant::now() > end {
            bail!("namespace {namespace} has no service account after {CALM:?}");
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until the control plane has made a pod for each of so many Jobs, so that it does not disturb what is measured next.
pub(crate) async fn settled(bench: &Bench, namespace: &str, jobs: usize) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(bench.testbed.client(), namespace);
    let end = Instant::now() + CALM;
    loop {
        let there = pods
            .list_metadata(&ListParams::default())
            .await?
            .items
            .len();
        if there >= jobs {
            return Ok(());
        }
        let left = end.checked_duration_since(Instant::now());
        left.with_context(|| format!("only {there} of {jobs} pods are there after {CALM:?}"))?;
        sleep(LOOK).await;
    }
}
