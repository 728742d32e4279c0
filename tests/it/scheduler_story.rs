//! The main story: ready beads become Polecats, Polecats become Jobs, Jobs become outcomes.

use beadlet_store::kinds::{FailureClass, PolecatPhase};
use kube::ResourceExt;
use serde_json::json;

use super::scheduler_town::{End, Town};

#[tokio::test]
async fn ready_bead_becomes_a_polecat_a_job_and_an_outcome() {
    let town = Town::new("story", json!({})).await;
    town.bead("gt-0042", json!({})).await;
    let _controller = town.controller();
    let polecat = town.phase("gt-0042-1", PolecatPhase::Working).await;
    assert_eq!(polecat.spec.rig.as_deref(), Some(town.name()));
    let job = town.started_job("polecat-gt-0042-1").await;
    assert_eq!(job.owner_references()[0].uid, polecat.uid().unwrap());

    let _kubelet = town.kubelet(End::Well);
    let done = town.phase("gt-0042-1", PolecatPhase::Done).await;
    let status = done.status.unwrap();
    assert_eq!(status.result.unwrap().branch.as_deref(), Some("polecat/x"));
    assert_eq!(
        (status.assigned_bead.as_deref(), status.attempt),
        (Some("gt-0042"), Some(1))
    );
    town.rig_says("the place is free again", |rig| rig.slots == Some(vec![]))
        .await;
}

#[tokio::test]
async fn next_bead_starts_when_the_first_ends() {
    let town = Town::new("next", json!({"settings": {"maxPolecats": 1}})).await;
    town.bead("gt-1", json!({"priority": 1})).await;
    town.bead("gt-2", json!({"priority": 0})).await;
    let _controller = town.controller();
    town.phase("gt-2-1", PolecatPhase::Working).await;
    assert_eq!(town.polecats().get_opt("gt-1-1").await.unwrap(), None);
    let _kubelet = town.kubelet(End::Well);
    town.phase("gt-2-1", PolecatPhase::Done).await;
    town.phase("gt-1-1", PolecatPhase::Done).await;
}

#[tokio::test]
async fn failed_bead_is_tried_again_and_then_stuck() {
    let town = Town::new(
        "retry",
        json!({"dispatch": {"maxAttempts": 2, "backoff": {"initial": "10ms"}}}),
    )
    .await;
    town.bead("gt-1", json!({})).await;
    let _controller = town.controller();
    let _kubelet = town.kubelet(End::Badly);
    let first = town
        .phase("gt-1-1", PolecatPhase::Failed)
        .await
        .status
        .unwrap();
    assert_eq!(first.failure_class, Some(FailureClass::AgentFailed));
    town.phase("gt-1-2", PolecatPhase::Stuck).await;
    let rig = town
        .rig_says("the Rig says what waits", |rig| !rig.waiting.is_empty())
        .await;
    assert_eq!(
        serde_json::to_value(&rig.waiting).unwrap(),
        json!([{"reason": "Stuck", "count": 1, "first": "gt-1"}])
    );
    assert_eq!(town.polecats().get_opt("gt-1-3").await.unwrap(), None);
}
