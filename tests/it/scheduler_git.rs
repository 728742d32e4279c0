//! What git says while, and after, a polecat works: nothing starts twice, and what is not to be worked on is stopped.

use std::time::Duration;

use beadlet_store::{keys::work, kinds::PolecatPhase};
use beadlet_testbed::eventually;
use kube::ResourceExt;
use serde_json::json;

use super::{
    scheduler_history::History,
    scheduler_town::{End, SOON, Town},
};

#[tokio::test]
async fn finished_bead_that_is_still_open_starts_again_only_when_it_changes_or_a_person_asks() {
    let town = Town::new("again", json!({})).await;
    town.bead("gt-1", json!({})).await;
    let _kubelet = town.kubelet(End::Well);
    let controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Done).await;
    let rig = town
        .rig_says("the bead waits", |rig| !rig.waiting.is_empty())
        .await;
    assert_eq!(
        serde_json::to_value(&rig.waiting).unwrap(),
        json!([{"reason": "AlreadyDone", "count": 1, "first": "gt-1"}])
    );

    // A new controller knows it too.
    drop(controller);
    let _controller = town.controller();
    town.bead("gt-1", json!({"title": "do it better"})).await;
    town.phase("gt-1-2", PolecatPhase::Done).await;

    town.patch_polecat(
        "gt-1-2",
        json!({"metadata": {"annotations": {work::RETRY: "now"}}}),
    )
    .await;
    town.phase("gt-1-3", PolecatPhase::Done).await;
    town.rig_says("the bead waits again", |rig| {
        rig.waiting.iter().any(|waiting| waiting.count == 1)
    })
    .await;
    assert_eq!(town.polecats().get_opt("gt-1-4").await.unwrap(), None);
    assert_eq!(History::of(&town).await.creations().len(), 3);
}

#[tokio::test]
async fn closed_reassigned_and_deleted_beads_stop_their_polecats() {
    let town = Town::new("stop", json!({"dispatch": {"stopGrace": "1s"}})).await;
    for id in ["gt-1", "gt-2", "gt-3", "gt-4"] {
        town.bead(id, json!({})).await;
    }
    town.store("store").await;
    let _controller = town.controller();
    let _kubelet = town.kubelet(End::Never);
    for name in ["gt-1-1", "gt-2-1", "gt-3-1", "gt-4-1"] {
        town.phase(name, PolecatPhase::Working).await;
    }
    town.bead(
        "gt-1",
        json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"}),
    )
    .await;
    town.bead("gt-2", json!({"assignee": "mayor/"})).await;
    town.bead(
        "gt-4",
        json!({"status": "hooked", "assignee": format!("{}/polecats/gt-4-1", town.name())}),
    )
    .await;
    town.delete_bead("gt-3").await;
    for (name, reason) in [
        ("gt-1-1", "BeadClosed"),
        ("gt-2-1", "BeadReassigned"),
        ("gt-3-1", "BeadDeleted"),
    ] {
        let polecat = town.phase(name, PolecatPhase::Terminated).await;
        let ready = polecat
            .status
            .unwrap()
            .conditions
            .into_iter()
            .find(|c| c.type_ == "Ready")
            .unwrap();
        assert_eq!(ready.reason, reason);
        assert_eq!(
            town.jobs()
                .get_opt(&format!("polecat-{name}"))
                .await
                .unwrap(),
            None
        );
    }
    town.phase("gt-4-1", PolecatPhase::Working).await;
    town.rig_says("three places are free again", |rig| {
        rig.slots.as_ref().is_some_and(|slots| slots.len() == 1)
    })
    .await;
}

#[tokio::test]
async fn polecat_is_paused_goes_on_and_is_ended_by_hand() {
    let town = Town::new("hand", json!({"settings": {"maxPolecats": 1}})).await;
    town.bead("gt-1", json!({"priority": 0})).await;
    let _kubelet = town.kubelet(End::Never);
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    town.patch_polecat("gt-1-1", json!({"spec": {"desiredState": "Idle"}}))
        .await;
    town.phase("gt-1-1", PolecatPhase::Idle).await;
    town.bead("gt-2", json!({})).await;
    town.phase("gt-2-1", PolecatPhase::Working).await;

    town.patch_polecat("gt-1-1", json!({"spec": {"desiredState": "Working"}}))
        .await;
    town.phase("gt-1-1", PolecatPhase::Queued).await;
    town.patch_polecat("gt-2-1", json!({"spec": {"desiredState": "Terminated"}}))
        .await;
    town.phase("gt-2-1", PolecatPhase::Terminated).await;
    let polecat = town.phase("gt-1-1", PolecatPhase::Working).await;
    let job = town.jobs().get("polecat-gt-1-1").await.unwrap();
    assert_eq!(
        polecat.status.unwrap().job_uid,
        job.uid(),
        "it is the same Job"
    );
    assert_eq!(History::of(&town).await.most_at_once(), 1);
}

#[tokio::test]
async fn deleted_polecat_goes_with_its_job_and_its_number_is_not_used_again() {
    let town = Town::new("deleted", json!({})).await;
    town.bead("gt-1", json!({})).await;
    let _kubelet = town.kubelet(End::Never);
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    town.polecats()
        .delete("gt-1-1", &Default::default())
        .await
        .unwrap();
    town.phase("gt-1-2", PolecatPhase::Working).await;
    eventually(SOON, "the first is gone", async || {
        town.polecats().get_opt("gt-1-1").await.unwrap().is_none()
    })
    .await;
    assert_eq!(
        History::of(&town)
            .await
            .creations()
            .values()
            .copied()
            .collect::<Vec<_>>(),
        [1, 1]
    );
}

#[tokio::test]
async fn polecat_of_the_readme_needs_no_rig_and_no_bead() {
    let town = Town::new("seed", json!({})).await;
    town.secret("git-creds", "ssh-privatekey", "k").await;
    town.secret("litellm-key", "API_KEY", "k").await;
    let _kubelet = town.kubelet(End::Well);
    let _controller = town.controller();
    let spec = json!({
        "executionMode": "kubernetes", "beadID": "gt-0042",
        "kubernetes": {
            "gitRepository": "git@github.com:example/repo.git", "gitBranch": "main", "gitSecretRef": {"name": "git-creds"}, "agent": "opencode",
            "agentConfig": {"provider": "litellm", "model": "devstral-123b", "modelProvider": {
                "endpoint": "https://ai-gateway.example.com/v1", "apiKeySecretRef": {"name": "litellm-key", "key": "API_KEY"}}},
        },
    });
    town.polecat("test-worker", spec).await;
    town.phase("test-worker", PolecatPhase::Done).await;
    let job = town.jobs().get("polecat-test-worker").await.unwrap();
    let pod = job.spec.unwrap().template.spec.unwrap();
    let agent = pod
        .containers
        .iter()
        .find(|container| container.name == "agent")
        .unwrap();
    assert!(agent.env.iter().flatten().any(
        |variable| variable.name == "GT_ISSUE" && variable.value.as_deref() == Some("gt-0042")
    ));
}

#[tokio::test]
async fn finished_job_goes_away_after_its_time_and_the_record_stays() {
    let town = Town::new(
        "ttl",
        json!({"polecatTemplate": {"spec": {"ttlSecondsAfterFinished": 1}}}),
    )
    .await;
    town.bead("gt-1", json!({})).await;
    let _kubelet = town.kubelet(End::Well);
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Done).await;
    assert!(
        town.jobs()
            .get_opt("polecat-gt-1-1")
            .await
            .unwrap()
            .is_some()
    );
    eventually(Duration::from_secs(90), "the Job is gone", async || {
        town.jobs()
            .get_opt("polecat-gt-1-1")
            .await
            .unwrap()
            .is_none()
    })
    .await;
    town.phase("gt-1-1", PolecatPhase::Done).await;
    assert_eq!(History::of(&town).await.creations().len(), 1);
}

#[tokio::test]
async fn same_ids_in_two_namespaces_do_not_touch_each_other() {
    let (one, two) = (
        Town::new("one", json!({})).await,
        Town::new("two", json!({})).await,
    );
    let _kubelets = (one.kubelet(End::Well), two.kubelet(End::Never));
    let _controllers = (one.controller(), two.controller());
    one.bead("gt-1", json!({})).await;
    two.bead("gt-1", json!({})).await;
    one.phase("gt-1-1", PolecatPhase::Done).await;
    two.phase("gt-1-1", PolecatPhase::Working).await;
    let rig = |name: &str| json!({"rig": name, "beadID": "gt-9"});
    one.polecat("intruder", rig(two.name())).await;
    let polecat = one.phase("intruder", PolecatPhase::Queued).await;
    let ready = polecat
        .status
        .unwrap()
        .conditions
        .into_iter()
        .find(|c| c.type_ == "Ready")
        .unwrap();
    assert_eq!(ready.reason, "NamespaceNotAllowed");
    assert_eq!(one.jobs().get_opt("polecat-intruder").await.unwrap(), None);
}
