//! What the second act is played with: the kinds, a controller in the place of `beadlet sync`, a BeadStore and a Rig.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use beadlet_store::kinds::BeadStore;
use beadlet_testbed::daemon::{ControllerSetup, Daemon, DaemonSetup};
use beadlet_testbed::images;
use beadlet_testbed::town::TownRepo;
use kube::Api;
use tokio::time::{Instant, sleep};

use crate::node::Node;
use crate::show::Stage;

pub(crate) const RIG: &str = "gantry";
const FIRST_SYNC: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// Starts the controller that takes the place of `beadlet sync`.
pub(crate) fn start(stage: &Stage<'_>, before: &DaemonSetup, folder: &Path) -> Result<Daemon> {
    let setup = ControllerSetup {
        program: before.program.clone(),
        namespace: before.namespace.clone(),
        kubeconfig: before.kubeconfig.clone(),
        context: before.context.clone(),
        cache: before.cache.clone(),
        image: stage.place.has_node().then(|| images::BEADLET.to_owned()),
        log: folder.join("controller.log"),
    };
    let screen = stage.screen;
    screen.line("beadlet sync has ended; the controller takes over what it mirrored");
    let words: Vec<String> = ["beadlet".to_owned()]
        .into_iter()
        .chain(setup.arguments())
        .collect();
    screen.command(&words);
    setup.start()
}

/// Makes the BeadStore and the Rig, and finds somebody who runs pods.
pub(crate) async fn open(
    stage: &Stage<'_>,
    daemon: &Daemon,
    repo: &TownRepo,
    beadlet: &Path,
    folder: &Path,
) -> Result<Node> {
    let (screen, place) = (stage.screen, stage.place);
    let node = Node::start(screen, place, beadlet).await?;
    let file = folder.join("gantry.yaml");
    fs::write(&file, manifest(repo, &place.namespace, &node))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let file = file.display().to_string();
    place
        .kubectl
        .quietly(screen, &["apply", "-f", &file])
        .await?;
    screen.line(&format!(
        "Rig {RIG} works on gy- issues with the label polecat, one at a time"
    ));
    screen.line(&node.told());
    mirrored(stage, daemon).await?;
    place
        .kubectl
        .show(screen, &["get", "beadstores"], 1)
        .await?;
    screen.whole(&format!("log: {}", daemon.log().display()));
    Ok(node)
}

fn manifest(repo: &TownRepo, namespace: &str, node: &Node) -> String {
    format!(
        "apiVersion: gastown.gastown.io/v1alpha1
kind: BeadStore
metadata: {{name: beads}}
spec:
  source: {{url: {}}}
---
apiVersion: gastown.gastown.io/v1alpha1
kind: Rig
metadata: {{name: {RIG}}}
spec:
  beadsPrefix: gy
  gitURL: {}
  allowedNamespaces: [{namespace}]
  settings: {{maxPolecats: 1}}
  dispatch: {{requireLabels: [polecat]}}
  polecatTemplate:
    spec:
      agent: custom
      agentConfig: {}
",
        repo.path().display(),
        node.project(),
        node.agent()
    )
}

async fn mirrored(stage: &Stage<'_>, daemon: &Daemon) -> Result<()> {
    let api: Api<BeadStore> = Api::namespaced(stage.place.client.clone(), &stage.place.namespace);
    let end = Instant::now() + FIRST_SYNC;
    while api
        .get_status("beads")
        .await?
        .status
        .and_then(|status| status.commit)
        .is_none()
    {
        if Instant::now() > end {
            bail!(
                "nothing is mirrored after {FIRST_SYNC:?}; the end of the controller's log:\n{}",
                daemon.log_tail()
            );
        }
        sleep(LOOK).await;
    }
    Ok(())
}
