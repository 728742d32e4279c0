//! `beadlet release`: what controllers hold on to can be deleted when they are gone.

use beadlet_store::keys::label;
use beadlet_store::kinds::BeadStore;
use beadlet_testbed::{GitRepo, Program, Running, eventually};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::ConfigMap};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use super::scheduler_town::{SOON, Town, beadstore};

/// A program of beadlet that asks for the Lease of this town, as one of its users.
fn start(town: &Town, command: &str, arguments: &[&str]) -> Running {
    Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([command, "--namespace", town.name(), "--leader-elect"])
        .args(["--lease-namespace", town.name()])
        .args(["--lease-renewal", "200ms", "--lease-duration", "60s"])
        .args(arguments)
        .arg("--kubeconfig")
        .arg(town.namespace.user(command).kubeconfig())
        .start()
}

fn stores(town: &Town) -> Api<BeadStore> {
    town.namespace.api()
}

/// A BeadStore of a repository of its own with one ready bead.
async fn store(town: &Town, name: &str, bead: &str, policy: &str) -> GitRepo {
    let repo = GitRepo::bare();
    let issue = json!({"id": bead, "title": bead, "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    repo.commit("main", ".beads/issues.jsonl", format!("{issue}\n"));
    let spec =
        json!({"source": {"url": repo.url()}, "rigRef": town.name(), "deletionPolicy": policy});
    beadstore(&town.namespace, name, spec).await;
    repo
}

/// The ConfigMaps of a store.
async fn beads(town: &Town, store: &str) -> Vec<ConfigMap> {
    let api: Api<ConfigMap> = town.namespace.api();
    let of_store = ListParams::default().labels(&format!("{}={store}", label::STORE));
    api.list(&of_store).await.unwrap().items
}

/// Waits until a controller has put a finalizer on everything.
async fn held(town: &Town, polecats: &[&str]) {
    eventually(SOON, "everything has a finalizer", async || {
        for store in stores(town).list(&ListParams::default()).await.unwrap() {
            if !store.is_held() || beads(town, &store.name_any()).await.is_empty() {
                return false;
            }
        }
        for name in polecats {
            match town.polecats().get_opt(name).await.unwrap() {
                Some(polecat) if polecat.is_held() => {}
                _ => return false,
            }
        }
        true
    })
    .await;
}

/// What a finalizer may be on.
trait Held {
    fn is_held(&self) -> bool;
}

impl<K: ResourceExt> Held for K {
    fn is_held(&self) -> bool {
        !self.finalizers().is_empty()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_deleted_without_a_controller_and_goes_as_its_policy_says() {
    let town = Town::new("release", json!({})).await;
    let _gone = store(&town, "gone", "gt-1", "Delete").await;
    let _kept = store(&town, "kept", "gt-2", "Orphan").await;
    let mut controller = start(&town, "controller", &["--local-repositories"]);
    held(&town, &["gt-1-1", "gt-2-1"]).await;
    assert!(controller.terminate(SOON).await.success());

    assert!(start(&town, "release", &[]).wait(SOON).await.success());
    assert_eq!(
        town.jobs()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        2,
        "work goes on"
    );
    assert!(
        start(&town, "release", &[]).wait(SOON).await.success(),
        "twice is once"
    );
    let (all, params) = (ListParams::default(), DeleteParams::default());
    stores(&town)
        .delete_collection(&params, &all)
        .await
        .unwrap();
    town.polecats()
        .delete_collection(&params, &all)
        .await
        .unwrap();
    eventually(SOON, "they are gone, with what was theirs", async || {
        let stores = stores(&town).list(&all).await.unwrap().items.len();
        let polecats = town.polecats().list(&all).await.unwrap().items.len();
        let jobs = town.jobs().list(&all).await.unwrap().items.len();
        let beads = beads(&town, "gone").await.len();
        let left = (stores, polecats, jobs, beads);
        (left == (0, 0, 0, 0))
            .then_some(())
            .ok_or(format!("{left:?}"))
    })
    .await;
    let kept = beads(&town, "kept").await;
    assert_eq!(kept.len(), 1);
    assert!(
        kept[0]
            .metadata
            .owner_references
            .as_ref()
            .is_none_or(Vec::is_empty)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_let_go_while_a_controller_leads_and_its_lease_goes_last() {
    let town = Town::new("release-lease", json!({})).await;
    let _repo = store(&town, "beads", "gt-1", "Delete").await;
    let mut controller = start(&town, "controller", &["--local-repositories"]);
    held(&town, &["gt-1-1"]).await;
    let mut release = start(&town, "release", &[]);
    let user = town.namespace.user("release").name().to_owned();
    eventually(SOON, "it has asked for the Lease a few times", async || {
        let asked = town.audit().since(town.begin).await.by(&user);
        asked.of("leases").verb("get").len() > 5
    })
    .await;
    assert!(release.exit().is_none());
    held(&town, &["gt-1-1"]).await;

    assert!(controller.terminate(SOON).await.success());
    assert!(release.wait(SOON).await.success());
    let store = stores(&town).get("beads").await.unwrap();
    let polecat = town.polecats().get("gt-1-1").await.unwrap();
    assert!(!store.is_held() && !polecat.is_held());
    let leases: Api<Lease> = town.namespace.api();
    assert!(
        leases
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
