//! Somebody who plays the kubelet where there is no node: nothing runs, but the status of every pod says that its containers run for
//! a while and end well.

use std::{collections::HashSet, pin::pin, time::Duration};

use anyhow::Result;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
    runtime::{
        WatchStreamExt,
        watcher::{Config, watcher},
    },
};
use serde_json::{Value, json};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// The part is played until this is dropped.
pub struct PlayedKubelet {
    task: JoinHandle<()>,
}

impl PlayedKubelet {
    /// Plays on the pods of a namespace that have any of these labels. Their containers run for so long.
    #[must_use]
    pub fn start(client: Client, namespace: &str, labels: &str, run: Duration) -> Self {
        let api: Api<Pod> = Api::namespaced(client, namespace);
        let config = Config::default().labels(labels);
        Self {
            task: tokio::spawn(play(api, config, run)),
        }
    }
}

impl Drop for PlayedKubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A life is begun once for each pod; those that are asked to go do so at once.
async fn play(api: Api<Pod>, config: Config, run: Duration) {
    let mut lives = JoinSet::new();
    let mut begun = HashSet::new();
    let mut pods = pin!(
        watcher(api.clone(), config)
            .default_backoff()
            .applied_objects()
    );
    while let Some(pod) = pods.next().await {
        while lives.try_join_next().is_some() {}
        let Ok(pod) = pod else { continue };
        let is_going = pod.metadata.deletion_timestamp.is_some();
        if begun.insert((pod.uid(), is_going)) && !has_ended(&pod) {
            let api = api.clone();
            lives.spawn(async move {
                let _ = if is_going {
                    go(&api, &pod).await
                } else {
                    live(&api, &pod, run).await
                };
            });
        }
    }
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// What a pod refuses is the end of the play for it: somebody else was at work.
async fn live(api: &Api<Pod>, pod: &Pod, run: Duration) -> Result<()> {
    say(
        api,
        pod,
        "Running",
        &json!({"running": {"startedAt": Timestamp::now()}}),
    )
    .await?;
    sleep(run).await;
    say(api, pod, "Succeeded", &json!({"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": Timestamp::now()}})).await
}

async fn go(api: &Api<Pod>, pod: &Pod) -> Result<()> {
    say(api, pod, "Failed", &json!({"terminated": {"exitCode": 143, "reason": "Error", "finishedAt": Timestamp::now()}})).await?;
    let at_once = DeleteParams {
        grace_period_seconds: Some(0),
        ..DeleteParams::default()
    };
    api.delete(&pod.name_any(), &at_once).await?;
    Ok(())
}

/// Writes a status: the init containers have done their part, the others are in `state`.
async fn say(api: &Api<Pod>, pod: &Pod, phase: &str, state: &Value) -> Result<()> {
    let spec = pod.spec.clone().unwrap_or_default();
    let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let of = |containers: &[Container], state: &Value| -> Vec<Value> {
        containers
            .iter()
            .map(|container| status(container, state))
            .collect()
    };
    let init = spec.init_containers.unwrap_or_default();
    let status = json!({"status": {
        "phase": phase,
        "startTime": pod.creation_timestamp(),
        "initContainerStatuses": of(&init, &done),
        "containerStatuses": of(&spec.containers, state),
    }});
    api.patch_status(
        &pod.name_any(),
        &PatchParams::default(),
        &Patch::Merge(&status),
    )
    .await?;
    Ok(())
}

fn status(container: &Container, state: &Value) -> Value {
    json!({
        "name": container.name, "image": container.image, "imageID": "", "restartCount": 0,
        "ready": state.get("running").is_some(), "started": state.get("running").is_some(), "state": state,
    })
}
