//! Convoys: they count up, limit their polecats, come out of git by themselves.

use beadlet_store::kinds::{Convoy, ConvoyPhase, ConvoyStatus, PolecatPhase};
use beadlet_testbed::eventually;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use serde_json::json;

use super::scheduler_town::{End, SOON, Town};

async fn says(
    town: &Town,
    name: &str,
    what: &str,
    is_so: impl Fn(&ConvoyStatus) -> bool,
) -> ConvoyStatus {
    let api: Api<Convoy> = town.namespace.api();
    eventually(SOON, what, async || {
        let found = api
            .get_opt(name)
            .await
            .unwrap()
            .ok_or("it does not exist")?;
        let status = found.status.unwrap_or_default();
        if is_so(&status) {
            Ok(status)
        } else {
            Err(serde_json::to_string(&status).unwrap())
        }
    })
    .await
}

#[tokio::test]
async fn convoy_counts_up_tells_whom_it_should_and_limits_its_polecats() {
    let town = Town::new("convoy", json!({})).await;
    let beads = ["gt-1", "gt-2", "gt-3"];
    let spec = json!({"description": "Wave 1", "trackedBeads": beads, "parallelism": 1, "notifyOnComplete": "mayor"});
    town.convoy("wave", spec).await;
    for id in beads {
        town.bead(id, json!({})).await;
    }
    let _controller = town.controller();
    let kubelet = town.kubelet(End::Never);
    let polecat = town.phase("gt-1-1", PolecatPhase::Working).await;
    assert_eq!(polecat.metadata.labels.unwrap()["convoy"], "wave");
    town.rig_says("the others wait for the convoy", |rig| {
        serde_json::to_value(&rig.waiting).unwrap()
            == json!([{"reason": "ConvoyLimit", "count": 2, "first": "gt-2"}])
    })
    .await;
    let status = says(&town, "wave", "one runs", |convoy| {
        convoy.running == Some(1)
    })
    .await;
    assert_eq!(
        (status.total, status.progress.as_deref(), status.phase),
        (Some(3), Some("0/3"), Some(ConvoyPhase::InProgress))
    );
    drop(kubelet);
    let _kubelet = town.kubelet(End::Well);
    says(&town, "wave", "all succeeded", |convoy| {
        convoy.succeeded == Some(3)
    })
    .await;
    for id in beads {
        town.bead(
            id,
            json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"}),
        )
        .await;
    }
    let status = says(&town, "wave", "it is complete", |convoy| {
        convoy.phase == Some(ConvoyPhase::Complete)
    })
    .await;
    assert_eq!(
        (status.progress.as_deref(), status.completed_beads.len()),
        (Some("3/3"), 3)
    );
    let events: Api<Event> = town.namespace.api();
    eventually(SOON, "the mayor is told", async || {
        let events = events
            .list(&ListParams::default().fields("reason=Notify"))
            .await
            .unwrap()
            .items;
        events.into_iter().find(|event| {
            event
                .note
                .as_deref()
                .is_some_and(|note| note.starts_with("mayor: convoy wave"))
        })
    })
    .await;
}

#[tokio::test]
async fn convoy_of_git_becomes_an_object_follows_git_and_goes_with_it() {
    let town = Town::new("gitconvoy", json!({"dispatch": {"enabled": false}})).await;
    let convoy = |ids: &[&str]| {
        let edges: Vec<_> = ids
            .iter()
            .map(|id| json!({"issue_id": "hq-cv-1", "depends_on_id": id, "type": "tracks"}))
            .collect();
        json!({"issue_type": "convoy", "title": "Wave 2", "dependencies": edges})
    };
    let _controller = town.controller();
    town.bead("hq-cv-1", convoy(&["gt-1"])).await;
    town.bead(
        "gt-1",
        json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"}),
    )
    .await;
    says(&town, "hq-cv-1", "it is complete", |convoy| {
        convoy.progress.as_deref() == Some("1/1")
    })
    .await;
    town.bead("hq-cv-1", convoy(&["gt-1", "external:other:gt-2"]))
        .await;
    let status = says(&town, "hq-cv-1", "it grew", |convoy| {
        convoy.progress.as_deref() == Some("1/2")
    })
    .await;
    assert_eq!(
        (status.phase, status.unknown_beads),
        (Some(ConvoyPhase::InProgress), vec!["gt-2".to_owned()])
    );
    town.delete_bead("hq-cv-1").await;
    let api: Api<Convoy> = town.namespace.api();
    eventually(SOON, "the object is gone", async || {
        api.get_opt("hq-cv-1").await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn convoy_names_the_rig_that_works_on_its_beads() {
    let town = Town::new("rigref", json!({"beadsPrefix": "mp"})).await;
    town.convoy(
        "wave",
        json!({"description": "Wave", "trackedBeads": ["gt-1"], "rigRef": town.name()}),
    )
    .await;
    let _controller = town.controller();
    town.bead("gt-1", json!({})).await;
    town.bead("gt-2", json!({})).await;
    town.phase("gt-1-1", PolecatPhase::Working).await;
    assert_eq!(
        town.polecats()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}
