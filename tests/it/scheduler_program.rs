//! The program `beadlet controller`: from a push to a Job, two processes, one of them paused past its lease.

use std::time::Duration;

use beadlet_store::{
    keys::label,
    kinds::{BeadStore, BeadStorePhase, Polecat, PolecatPhase},
};
use beadlet_testbed::{GitRepo, Program, Running, eventually};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    scheduler_history::History,
    scheduler_town::{End, SOON, Town, beadstore, merge},
};

/// A controller of this town, with an election.
fn process(town: &Town, user: &str) -> Running {
    Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([
            "controller",
            "--namespace",
            town.name(),
            "--leader-elect",
            "--lease-namespace",
            town.name(),
        ])
        .args([
            "--lease-duration",
            "3s",
            "--lease-renewal",
            "500ms",
            "--local-repositories",
            "--listen",
            "127.0.0.1:0",
        ])
        .arg("--kubeconfig")
        .arg(town.namespace.user(user).kubeconfig())
        .start()
}

pub(crate) fn lines(count: usize, fields: &Value) -> String {
    (0..count)
        .map(|n| {
            let mut issue = json!({"id": format!("gt-{n}"), "title": "t", "status": "open", "priority": 2, "issue_type": "task",
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
            merge(&mut issue, fields);
            format!("{issue}\n")
        })
        .collect()
}

async fn store(town: &Town, repo: &GitRepo) {
    let spec = json!({"source": {"url": repo.url()}, "rigRef": town.name()});
    beadstore(&town.namespace, "beads", spec).await;
}

async fn all_done(town: &Town, beads: usize) {
    let api = town.polecats();
    eventually(
        Duration::from_secs(120),
        "all polecats are done",
        async || {
            let polecats = api
                .list(&ListParams::default())
                .await
                .map_err(|error| error.to_string())?
                .items;
            let is_done = |polecat: &&Polecat| {
                polecat.status.as_ref().and_then(|status| status.phase) == Some(PolecatPhase::Done)
            };
            let done = polecats.iter().filter(is_done).count();
            if done == beads {
                Ok(())
            } else {
                Err(format!("{done} are done"))
            }
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_becomes_a_job_and_the_next_starts_when_the_first_ends() {
    let town = Town::new("push", json!({"settings": {"maxPolecats": 1}})).await;
    let repo = GitRepo::bare();
    repo.commit("main", ".beads/issues.jsonl", "");
    store(&town, &repo).await;
    let mut controller = process(&town, "controller");
    let _kubelet = town.kubelet(End::Well);
    repo.commit("main", ".beads/issues.jsonl", lines(2, &json!({})));
    all_done(&town, 2).await;
    assert_eq!(History::of(&town).await.most_at_once(), 1);
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_store_that_comes_back_finds_its_work_as_it_was() {
    let rig = json!({"settings": {"maxPolecats": 1}, "dispatch": {"stopGrace": "10ms"}});
    let town = Town::new("reborn", rig).await;
    let repo = GitRepo::bare();
    // Alone at first: whichever is mirrored first gets the only place.
    repo.commit("main", ".beads/issues.jsonl", lines(1, &json!({})));
    store(&town, &repo).await;
    let mut controller = process(&town, "controller");
    let kubelet = town.kubelet(End::Never);
    town.phase("gt-0-1", PolecatPhase::Working).await;
    repo.commit("main", ".beads/issues.jsonl", lines(4, &json!({})));
    let stores: Api<BeadStore> = town.namespace.api();
    let params = DeleteParams::default();
    stores.delete("beads", &params).await.unwrap();
    store_is_gone(&town, "gt-0-1").await;
    let beads: Api<ConfigMap> = town.namespace.api();
    let ours = ListParams::default().labels(label::STORE);
    eventually(SOON, "its beads are gone", async || {
        beads.list(&ours).await.unwrap().items.is_empty()
    })
    .await;

    // It is back, but cannot read its repository yet: what is not mirrored is not deleted in git.
    let spec = json!({"source": {"url": "/nowhere"}, "rigRef": town.name()});
    beadstore(&town.namespace, "beads", spec).await;
    eventually(SOON, "the store says that it cannot read", async || {
        let phase = stores.get("beads").await.unwrap().status?.phase?;
        (phase == BeadStorePhase::Error).then_some(())
    })
    .await;
    store_is_gone(&town, "gt-0-1").await;
    let mended = json!({"spec": {"source": {"url": repo.url()}}});
    let params = PatchParams::default();
    stores
        .patch("beads", &params, &Patch::Merge(mended))
        .await
        .unwrap();
    eventually(SOON, "its bead is open again", async || {
        !says_store_gone(&town, "gt-0-1").await
    })
    .await;
    drop(kubelet);
    let _kubelet = town.kubelet(End::Well);
    all_done(&town, 4).await;
    let history = History::of(&town).await;
    assert_eq!(history.most_at_once(), 1);
    assert!(history.creations().values().all(|count| *count == 1));
    assert!(controller.terminate(SOON).await.success());
}

/// Waits until a working Polecat says that the mirror of its bead is gone.
async fn store_is_gone(town: &Town, polecat: &str) {
    eventually(SOON, "it says that its mirror is gone", async || {
        says_store_gone(town, polecat).await
    })
    .await;
    town.phase(polecat, PolecatPhase::Working).await;
}

async fn says_store_gone(town: &Town, polecat: &str) -> bool {
    let status = town.polecats().get(polecat).await.unwrap().status.unwrap();
    let is_said = |condition: &Condition| condition.reason == "StoreGone";
    status.conditions.iter().any(is_said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_was_paused_past_its_lease_does_no_harm_when_it_goes_on() {
    let town = Town::new("paused", json!({"settings": {"maxPolecats": 2}})).await;
    let repo = GitRepo::bare();
    repo.commit("main", ".beads/issues.jsonl", lines(14, &json!({})));
    store(&town, &repo).await;
    let mut first = process(&town, "first");
    let kubelet = town.kubelet(End::Well);
    town.phase("gt-0-1", PolecatPhase::Done).await;
    let mut second = process(&town, "second");
    // In the middle of whatever it does.
    first.pause().unwrap();
    drop(kubelet);
    let working = async |user: &str| {
        let user = town.namespace.user(user).name().to_owned();
        town.job_history()
            .await
            .into_iter()
            .any(|request| request.user == user && request.is_write())
    };
    let _kubelet = town.kubelet(End::Well);
    eventually(SOON, "the second works", async || working("second").await).await;
    first.resume().unwrap();
    all_done(&town, 14).await;
    let history = History::of(&town).await;
    assert!(history.most_at_once() <= 2, "{}", history.most_at_once());
    assert!(
        history.creations().values().all(|count| *count == 1) && history.creations().len() == 14
    );
    assert!(first.terminate(SOON).await.success());
    assert!(second.terminate(SOON).await.success());
}
