//! One controller for all namespaces: stores with the same ids share what a Rig gives, and nothing else.

use beadlet_store::{keys::label, kinds::PolecatPhase};
use beadlet_testbed::{GitRepo, JobHistory, Namespace, Program, Testbed, eventually};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;

use beadlet_store::kinds::{BeadStore, Polecat, Rig};

use super::{
    crds::install,
    scheduler_program::lines,
    scheduler_town::{End, Kubelet, SOON, beadstore},
};

const RIG: &str = "shared";

async fn rig(testbed: &Testbed, namespaces: &[&Namespace]) {
    let names: Vec<&str> = namespaces
        .iter()
        .map(|namespace| namespace.name())
        .collect();
    let template =
        json!({"agent": "custom", "agentConfig": {"image": "agent:test", "command": ["agent"]}});
    let rig = json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": RIG}, "spec": {
        "gitURL": "https://git.example.com/gt.git", "beadsPrefix": "gt", "allowedNamespaces": names,
        "settings": {"maxPolecats": 1}, "polecatTemplate": {"spec": template}}});
    let api: Api<Rig> = Api::all(testbed.client());
    let params = PatchParams::apply("tests").force();
    api.patch(RIG, &params, &Patch::Apply(rig)).await.unwrap();
}

async fn store(namespace: &Namespace, repo: &GitRepo) {
    let spec = json!({"source": {"url": repo.url()}, "prefix": "gt-"});
    beadstore(namespace, "beads", spec).await;
}

/// The names of the beads that are mirrored, or of the Polecats.
async fn names<K>(api: &Api<K>, labels: &str) -> Vec<String>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let list = api.list(&ListParams::default().labels(labels)).await;
    let mut names: Vec<String> = list
        .unwrap()
        .items
        .iter()
        .filter_map(|object| object.meta().name.clone())
        .collect();
    names.sort();
    names
}

/// Waits until both beads are mirrored.
async fn mirrored(namespace: &Namespace) {
    let api: Api<ConfigMap> = namespace.api();
    eventually(SOON, "both beads are mirrored", async || {
        names(&api, label::STORE).await == ["bead-gt-0", "bead-gt-1"]
    })
    .await;
}

/// Waits until both beads are worked on with success.
async fn done(namespace: &Namespace) {
    let api: Api<Polecat> = namespace.api();
    let what = format!("both polecats of {} are done", namespace.name());
    eventually(SOON, &what, async || {
        let polecats = api.list(&ListParams::default()).await.unwrap().items;
        let is_done = |polecat: &&Polecat| {
            polecat.status.as_ref().and_then(|status| status.phase) == Some(PolecatPhase::Done)
        };
        let done = polecats.iter().filter(is_done).count();
        if done == 2 && polecats.len() == 2 {
            Ok(())
        } else {
            Err(format!("{done} of {}", polecats.len()))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_with_the_same_ids_share_a_rigs_places_and_nothing_else() {
    // Another control plane: this controller looks after all namespaces.
    let testbed = Testbed::start().await.unwrap();
    install(testbed.client()).await;
    let begin = testbed.audit().mark().await;
    let one = testbed.namespace("one").await;
    let two = testbed.namespace("two").await;
    let stranger = testbed.namespace("stranger").await;
    rig(&testbed, &[&one, &two]).await;
    let repo = GitRepo::bare();
    repo.commit("main", ".beads/issues.jsonl", lines(2, &json!({})));
    let all = [&one, &two, &stranger];
    let _kubelets =
        all.map(|namespace| Kubelet::start(testbed.client(), namespace.name(), End::Well));
    let mut program = Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([
            "controller",
            "--local-repositories",
            "--listen",
            "127.0.0.1:0",
        ])
        .arg("--kubeconfig")
        .arg(testbed.user("controller").kubeconfig())
        .start();
    for namespace in all {
        store(namespace, &repo).await;
    }
    for namespace in all {
        mirrored(namespace).await;
    }
    done(&one).await;
    done(&two).await;
    let polecats: Api<Polecat> = stranger.api();
    assert_eq!(names(&polecats, "").await, Vec::<String>::new());

    // One of them goes, with everything that it made, and the other stays as it is.
    let stores: Api<BeadStore> = two.api();
    let params = DeleteParams::default();
    stores.delete("beads", &params).await.unwrap();
    let beads: Api<ConfigMap> = two.api();
    eventually(SOON, "its beads are gone", async || {
        names(&beads, label::STORE).await.is_empty()
    })
    .await;
    mirrored(&one).await;
    done(&one).await;

    // The stranger is let in.
    rig(&testbed, &all).await;
    done(&stranger).await;
    let jobs = testbed.audit().since(begin).await.of("jobs").successful();
    assert_eq!(JobHistory::of(jobs).most_at_once(), 1);
    assert!(program.terminate(SOON).await.success());
}
