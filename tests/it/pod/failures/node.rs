//! What happens when a node is gone.

use beadlet_store::kinds::PolecatPhase;
use beadlet_testbed::{Testbed, control_plane::Component, node};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, ResourceExt, api::DeleteParams};
use serde_json::json;

use super::{GO_ON, rig};
use crate::pod::{
    scene::{Over, Scene, prepare},
    servers::Gate,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polecat_whose_node_is_gone_starts_anew_elsewhere_free_of_charge() {
    let testbed = Testbed::start_with_node().await.unwrap();
    prepare(&testbed).await;
    let gate = Gate::new(&testbed);
    let script = format!("{GO_ON}echo once > story\n{}", gate.wait);
    let rig = rig(&script, &json!({}));
    let scene = Scene::on(&testbed, "gone", Over::Https, rig).await;
    scene.push_all(&["gt-1"]);
    gate.reached("gt-1-1").await;
    let first = scene.pod("gt-1-1", "runs", |_| true).await;
    testbed.kill(Component::Node).await.unwrap();
    gate.open("gt-1-1");
    // As the cloud's controller does when the machine is no more.
    let nodes: Api<Node> = Api::all(testbed.client());
    nodes
        .delete(node::NAME, &DeleteParams::default())
        .await
        .unwrap();
    scene
        .pod("gt-1-1", "waits for a node", |pod| {
            pod.name_any() != first.name_any()
        })
        .await;
    testbed.start_again(Component::Node).await.unwrap();
    gate.reached("gt-1-1").await;
    gate.open("gt-1-1");
    let status = scene.ended("gt-1-1", PolecatPhase::Done).await;
    assert_eq!((status.attempt, status.failure_class), (Some(1), None));
    let story = scene.project.text("polecat/gt-1-1", "story");
    assert_eq!(
        story.as_deref(),
        Some("once\n"),
        "nothing could be pushed before"
    );
}
