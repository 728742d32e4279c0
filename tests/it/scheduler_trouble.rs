//! Things that go missing or are refused: said where a person looks, and recovered from without one.

use beadlet_store::kinds::{Convoy, ConvoyPhase, PolecatPhase};
use beadlet_testbed::eventually;
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{from_value, json};

use super::{
    scheduler_history::History,
    scheduler_town::{End, SOON, Town},
};

/// Waits until a Polecat's condition `Ready` has this reason, and gives its message.
pub(crate) async fn ready_says(town: &Town, name: &str, reason: &str) -> String {
    let api = town.polecats();
    eventually(SOON, &format!("polecat {name} says {reason}"), async || {
        let found = api
            .get_opt(name)
            .await
            .map_err(|error| error.to_string())?
            .ok_or("it does not exist")?;
        let conditions = found.status.unwrap_or_default().conditions;
        let ready = conditions
            .into_iter()
            .find(|condition| condition.type_ == "Ready");
        match ready {
            Some(ready) if ready.reason == reason => Ok(ready.message),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}

#[tokio::test]
async fn missing_secret_is_said_and_waited_for() {
    let town = Town::new("secret", json!({})).await;
    let secrets: Api<Secret> = town.namespace.api();
    secrets
        .delete("llm", &DeleteParams::default())
        .await
        .unwrap();
    town.bead("gt-1", json!({})).await;
    let _controller = town.controller();
    let message = ready_says(&town, "gt-1-1", "NotFound").await;
    assert!(message.contains("there is no Secret llm"), "{message}");
    town.secret("llm", "API_KEY", "again").await;
    town.phase("gt-1-1", PolecatPhase::Working).await;
}

#[tokio::test]
async fn rotated_key_marks_what_runs_and_is_taken_by_what_starts() {
    let town = Town::new("rotated", json!({})).await;
    town.bead("gt-1", json!({})).await;
    let mut settings = town.settings();
    settings.resync = std::time::Duration::from_secs(1);
    let _controller = town.controller_with(settings, town.user().client());
    let before = town
        .phase("gt-1-1", PolecatPhase::Working)
        .await
        .status
        .unwrap()
        .key_hash;
    town.secret("llm", "API_KEY", "second").await;
    let api = town.polecats();
    eventually(SOON, "it is marked", async || {
        let status = api.get("gt-1-1").await.unwrap().status.unwrap();
        let key = status
            .conditions
            .into_iter()
            .find(|condition| condition.type_ == "KeyCurrent")?;
        (key.reason == "KeyRotated" && status.phase == Some(PolecatPhase::Working)).then_some(())
    })
    .await;
    town.bead("gt-2", json!({})).await;
    let after = town
        .phase("gt-2-1", PolecatPhase::Working)
        .await
        .status
        .unwrap()
        .key_hash;
    assert!(before.is_some() && after.is_some() && before != after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secret_that_goes_away_while_work_goes_on_is_said_and_waited_for() {
    let town = Town::new("gonesecret", json!({})).await;
    let _kubelet = town.kubelet(End::Well);
    let _controller = town.controller();
    town.bead("gt-0", json!({})).await;
    town.phase("gt-0-1", PolecatPhase::Done).await;
    let secrets: Api<Secret> = town.namespace.api();
    secrets
        .delete("llm", &DeleteParams::default())
        .await
        .unwrap();
    // What was read a moment ago is believed for some seconds.
    let mut missed = None;
    let mut beads = 1;
    while missed.is_none() && beads < 200 {
        town.bead(&format!("gt-{beads}"), json!({})).await;
        missed = done_or_missing(&town, &format!("gt-{beads}-1")).await;
        beads += 1;
    }
    assert!(missed.unwrap().contains("there is no Secret llm"));
    town.secret("llm", "API_KEY", "again").await;
    for n in 0..beads {
        town.phase(&format!("gt-{n}-1"), PolecatPhase::Done).await;
    }
    let creations = History::of(&town).await.creations();
    assert_eq!(creations.len(), beads);
    assert!(creations.values().all(|count| *count == 1));
}

/// Waits until a Polecat is done, or says that something is missing.
async fn done_or_missing(town: &Town, name: &str) -> Option<String> {
    let api = town.polecats();
    eventually(
        SOON,
        &format!("polecat {name} is done or says why not"),
        async || {
            let status = api.get_opt(name).await.unwrap()?.status?;
            let ready = status
                .conditions
                .into_iter()
                .find(|condition| condition.type_ == "Ready")?;
            match ready.reason.as_str() {
                "NotFound" => Some(Some(ready.message)),
                "Done" => Some(None),
                _ => None,
            }
        },
    )
    .await
}

#[tokio::test]
async fn exhausted_quota_is_said_and_waited_for() {
    let town = Town::new("quota", json!({})).await;
    let quotas: Api<ResourceQuota> = town.namespace.api();
    let quota = |jobs: u32| json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"count/jobs.batch": jobs.to_string()}}});
    quotas
        .create(&PostParams::default(), &from_value(quota(1)).unwrap())
        .await
        .unwrap();
    eventually(SOON, "the quota counts", async || {
        quotas
            .get("few")
            .await
            .unwrap()
            .status
            .and_then(|status| status.used)
    })
    .await;
    let _controller = town.controller();
    town.bead("gt-1", json!({"priority": 0})).await;
    town.phase("gt-1-1", PolecatPhase::Working).await;
    town.bead("gt-2", json!({})).await;
    let message = ready_says(&town, "gt-2-1", "QuotaExceeded").await;
    assert!(
        message.contains("could not create the Job") && message.contains("few"),
        "{message}"
    );
    quotas
        .patch("few", &PatchParams::default(), &Patch::Merge(quota(5)))
        .await
        .unwrap();
    town.phase("gt-2-1", PolecatPhase::Working).await;
}

#[tokio::test]
async fn deleted_rig_is_said_and_its_successor_knows_who_works() {
    let town = Town::new("rig", json!({"settings": {"maxPolecats": 2}})).await;
    town.bead("gt-1", json!({})).await;
    town.bead("gt-2", json!({})).await;
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    town.phase("gt-2-1", PolecatPhase::Working).await;
    let kubelet = town.kubelet(End::Never);
    town.rigs()
        .delete(town.name(), &DeleteParams::default())
        .await
        .unwrap();
    town.polecat("late", json!({"rig": town.name(), "beadID": "gt-9"}))
        .await;
    let message = ready_says(&town, "late", "NoRig").await;
    assert!(message.contains("there is no Rig"), "{message}");
    town.bead("gt-3", json!({})).await;

    town.rig(town.name(), json!({"settings": {"maxPolecats": 2}}))
        .await;
    town.rig_says("it knows who works", |rig| {
        rig.slots.as_ref().is_some_and(|slots| slots.len() == 2)
    })
    .await;
    drop(kubelet);
    let _kubelet = town.kubelet(End::Well);
    town.phase("gt-3-1", PolecatPhase::Done).await;
    town.phase("late", PolecatPhase::Done).await;
    assert!(History::of(&town).await.most_at_once() <= 2);
}

#[tokio::test]
async fn deleted_convoy_takes_its_limit_with_it() {
    let town = Town::new("noconvoy", json!({})).await;
    town.convoy(
        "wave",
        json!({"description": "d", "trackedBeads": ["gt-1", "gt-2"], "parallelism": 1}),
    )
    .await;
    town.bead("gt-1", json!({})).await;
    town.bead("gt-2", json!({})).await;
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    let convoys: Api<Convoy> = town.namespace.api();
    convoys
        .delete("wave", &DeleteParams::default())
        .await
        .unwrap();
    town.phase("gt-2-1", PolecatPhase::Working).await;

    // Its successor counts what was done meanwhile.
    let spec = json!({"description": "d", "trackedBeads": ["gt-1", "gt-2"], "parallelism": 1});
    town.convoy("wave", spec).await;
    let closed = json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"});
    town.bead("gt-1", closed.clone()).await;
    town.bead("gt-2", closed).await;
    eventually(SOON, "it is complete", async || {
        let status = convoys.get("wave").await.unwrap().status?;
        (status.phase == Some(ConvoyPhase::Complete) && status.total == Some(2)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn deleted_mirror_does_not_stop_what_works() {
    let town = Town::new("nostore", json!({"dispatch": {"stopGrace": "10ms"}})).await;
    town.store("store").await;
    town.bead("gt-1", json!({})).await;
    let _controller = town.controller();
    town.phase("gt-1-1", PolecatPhase::Working).await;
    let stores: Api<beadlet_store::kinds::BeadStore> = town.namespace.api();
    stores
        .delete("store", &DeleteParams::default())
        .await
        .unwrap();
    town.delete_bead("gt-1").await;
    let api = town.polecats();
    eventually(SOON, "it says that its mirror is gone", async || {
        let status = api.get("gt-1-1").await.unwrap().status.unwrap();
        let open = status
            .conditions
            .into_iter()
            .find(|condition| condition.type_ == "BeadOpen")?;
        (open.reason == "StoreGone" && status.phase == Some(PolecatPhase::Working)).then_some(())
    })
    .await;
}
