//! What happens when a disk is full.

use beadlet_store::kinds::{FailureClass, PolecatPhase};
use beadlet_testbed::{Testbed, node};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{Api, api::PostParams};
use serde_json::{Value, from_value, json};

use super::{Failure, GO_ON, ONCE, message, rig};
use crate::pod::{
    scene::{Over, Scene, ready},
    servers::Gate,
};

/// Fills the workspace, beside the repository.
fn fill(megabytes: &str) -> String {
    format!("busybox dd if=/dev/zero of=/workspace/filler bs=1M {megabytes}")
}

/// A claim of the small disk. Its volume goes with it.
async fn claim(testbed: &Testbed, scene: &Scene) {
    let name = scene.town.name();
    let volume: PersistentVolume = from_value(json!({"metadata": {"name": name}, "spec": {
        "capacity": {"storage": "64Mi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "small",
        "persistentVolumeReclaimPolicy": "Retain",
        "local": {"path": testbed.small_disk().unwrap()},
        "claimRef": {"namespace": name, "name": "small"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions":
            [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node::NAME]}]}]}},
    }}))
    .unwrap();
    let volumes: Api<PersistentVolume> = Api::all(testbed.client());
    volumes
        .create(&PostParams::default(), &volume)
        .await
        .unwrap();
    let claim: PersistentVolumeClaim = from_value(json!({"metadata": {"name": "small"}, "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "small",
        "volumeName": name,
        "resources": {"requests": {"storage": "64Mi"}},
    }}))
    .unwrap();
    let claims: Api<PersistentVolumeClaim> = scene.town.namespace.api();
    claims.create(&PostParams::default(), &claim).await.unwrap();
}

fn workspace(script: &str, workspace: &Value) -> Value {
    rig(script, &json!({"kubernetes": {"workspace": workspace}}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_on_a_disk_that_is_full_is_pushed_and_a_clone_onto_it_says_what_is_wrong() {
    let testbed = ready().await;
    let script = format!("{GO_ON}echo once > story\n{} || exit 4", fill(""));
    let rig = workspace(&script, &json!({"claim": {"name": "small"}}));
    let scene = Scene::on(testbed, "disk", Over::Https, rig).await;
    claim(testbed, &scene).await;
    scene.push_all(&["gt-1"]);
    let failure = Failure {
        bead: "gt-1",
        class: FailureClass::AgentFailed,
        words: &["exit code 4", "No space left on device"],
        is_kept: true,
    };
    let first = failure.seen(&scene, PolecatPhase::Failed).await;
    let kept = first.result.unwrap().branch;
    assert_eq!(kept.as_deref(), Some("polecat/gt-1-1"));
    let story = scene.project.text("polecat/gt-1-1", "story");
    assert_eq!(story.as_deref(), Some(ONCE));
    // What the first attempt left on the claim is still there.
    let second = scene.ended("gt-1-2", PolecatPhase::Stuck).await;
    assert_eq!(second.failure_class, Some(FailureClass::CloneFailed));
    let message = message(&second);
    assert!(
        message.contains("exit code 44") && message.contains("No space left on device"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workspace_that_grows_over_its_limit_costs_the_attempt() {
    let testbed = ready().await;
    let gate = Gate::new(testbed);
    let script = format!(
        "echo \"$GT_ATTEMPT\" > attempt\nif [ \"$GT_ATTEMPT\" = 1 ]; then {}; {}; fi",
        fill("count=48"),
        gate.wait
    );
    let rig = workspace(&script, &json!({"sizeLimit": "32Mi"}));
    let scene = Scene::on(testbed, "limit", Over::Https, rig).await;
    scene.push_all(&["gt-1"]);
    let failure = Failure {
        bead: "gt-1",
        class: FailureClass::AgentFailed,
        words: &["workspace", "exceeds the limit", "32Mi"],
        is_kept: false,
    };
    failure.is_mended_by_the_next_attempt(&scene).await;
}
