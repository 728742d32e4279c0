//! When a node can run pods.

use std::{
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Node as Object;
use kube::Api;

use super::{LOOK, NAME, Node, image};
use crate::control_plane::{self, Files};

/// How long a node may take on a machine that is busy with something else.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until containerd takes images, gives it those that every pod needs, and waits until the node is ready.
pub(super) async fn wait(files: &Files, node: &mut Node) -> Result<()> {
    let end = Instant::now() + DEADLINE;
    let socket = super::socket(&node.folder);
    while UnixStream::connect(&socket).is_err() {
        still(node, end, "containerd does not listen").await?;
    }
    image::basics(&socket, &node.folder).await?;
    let nodes: Api<Object> = Api::all(control_plane::client(
        files.folder.path(),
        &files.server(),
        "admin",
    )?);
    while !nodes
        .get_opt(NAME)
        .await
        .ok()
        .flatten()
        .is_some_and(|node| is_ready(&node))
    {
        still(node, end, "the node is not ready").await?;
    }
    Ok(())
}

/// Waits a moment, unless there is nothing to wait for.
async fn still(node: &mut Node, end: Instant, what: &str) -> Result<()> {
    let has_ended = node.namespaces.exit().is_some() || node.scheduler.exit().is_some();
    if has_ended || Instant::now() >= end {
        let scheduler = node.scheduler.log_tail();
        bail!(
            "{what}; the ends of the logs:\n{}\n-- kube-scheduler\n{scheduler}",
            node.log_tail()
        );
    }
    tokio::time::sleep(LOOK).await;
    Ok(())
}

fn is_ready(node: &Object) -> bool {
    let conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    // A node that was killed is "Ready" until its lease is over: what counts is that the taint of an unready node is gone.
    let is_tainted = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .any(|taint| taint.effect != "PreferNoSchedule");
    !is_tainted
        && conditions
            .into_iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
