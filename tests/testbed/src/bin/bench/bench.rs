//! The control plane that all measurements share, and what each of them needs of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use beadlet_testbed::daemon::{Daemon, DaemonSetup};
use beadlet_testbed::town::TownRepo;
use beadlet_testbed::{Requests, Testbed};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tempfile::TempDir;

use crate::arguments::{Arguments, Part};
use crate::text::clock;

/// Long enough for 100,000 issues on a slow machine.
const FIRST_SYNC: Duration = Duration::from_secs(900);

pub(crate) struct Bench {
    pub(crate) testbed: Testbed,
    program: PathBuf,
    folder: TempDir,
    begin: Instant,
    parts: usize,
    part: usize,
}

/// A daemon that has mirrored a repository.
pub(crate) struct Mirrored {
    pub(crate) namespace: String,
    pub(crate) daemon: Daemon,
    /// From the start of the process to the end of the first pass.
    pub(crate) ready_after: Duration,
}

impl Bench {
    pub(crate) async fn start(arguments: &Arguments, parts: usize) -> Result<Self> {
        let program = arguments.beadlet()?;
        let folder = tempfile::Builder::new()
            .prefix("beadlet-bench-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let testbed = Testbed::start().await?;
        Ok(Self {
            testbed,
            program,
            folder,
            begin: Instant::now(),
            parts,
            part: 0,
        })
    }

    pub(crate) fn begin(&mut self, part: Part) {
        self.part += 1;
        self.tell(&format!("{part:?}"));
    }

    pub(crate) fn end(&self) {
        self.tell("done");
    }

    /// What is going on, on standard error.
    pub(crate) fn tell(&self, what: &str) {
        eprintln!(
            "[{} part {} of {}] {what}",
            clock(self.begin.elapsed()),
            self.part,
            self.parts
        );
    }

    /// The program under test.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A client of a user of this name, who is served as every user is and found in the audit log.
    pub(crate) fn client(&self, user: &str) -> Client {
        self.testbed.user(user).client()
    }

    /// A new namespace. It stays to the end: the removal of one would disturb what is measured next.
    pub(crate) async fn namespace(&self, name: &str) -> Result<String> {
        let namespaces: Api<Namespace> = Api::all(self.testbed.client());
        let wanted: Namespace =
            serde_json::from_value(json!({"metadata": {"generateName": format!("{name}-")}}))?;
        let made = namespaces
            .create(&PostParams::default(), &wanted)
            .await
            .context("cannot make a namespace")?;
        made.metadata.name.context("a namespace has a name")
    }

    /// Starts a daemon on a namespace of its own and waits for its first pass.
    pub(crate) async fn mirror(&self, repo: &TownRepo) -> Result<Mirrored> {
        let namespace = self.namespace("beadlet").await?;
        self.mirror_into(repo, namespace).await
    }

    /// The same into a namespace that may hold everything already.
    pub(crate) async fn mirror_into(&self, repo: &TownRepo, namespace: String) -> Result<Mirrored> {
        let repo = repo.path().display().to_string();
        self.mirror_with(repo, namespace, Vec::new()).await
    }

    /// The same for any address of a repository, with more arguments.
    pub(crate) async fn mirror_with(
        &self,
        repo: String,
        namespace: String,
        more: Vec<String>,
    ) -> Result<Mirrored> {
        let setup = DaemonSetup {
            program: self.program.clone(),
            repo,
            more,
            branch: None,
            namespace: namespace.clone(),
            kubeconfig: Some(self.testbed.user(DAEMON).kubeconfig().to_owned()),
            context: None,
            cache: self.folder().join("cache"),
            log: self.folder().join(format!("{namespace}.log")),
        };
        let mut daemon = setup.start()?;
        let ready_after = daemon.ready(FIRST_SYNC).await?;
        Ok(Mirrored {
            namespace,
            daemon,
            ready_after,
        })
    }

    /// What the daemon asked in a namespace, or of nobody's, by the audit log.
    pub(crate) async fn asked(&self, mark: beadlet_testbed::Mark) -> Requests {
        self.testbed.audit().since(mark).await.by(DAEMON)
    }

    /// The ConfigMaps of beads in a namespace, as somebody else would create them anew.
    pub(crate) async fn beads(&self, namespace: &str, count: usize) -> Result<Vec<ConfigMap>> {
        let api: Api<ConfigMap> = Api::namespaced(self.testbed.client(), namespace);
        let params = ListParams::default().labels("app.kubernetes.io/managed-by=beadlet");
        let mut beads = api.list(&params).await?.items;
        ensure!(
            beads.len() == count,
            "{} ConfigMaps are in {namespace}, not {count}",
            beads.len()
        );
        for bead in &mut beads {
            let meta = std::mem::take(&mut bead.metadata);
            bead.metadata.name = meta.name;
            bead.metadata.labels = meta.labels;
            bead.metadata.annotations = meta.annotations;
        }
        Ok(beads)
    }
}

/// The daemon's name in the audit log.
pub(crate) const DAEMON: &str = "beadlet";
