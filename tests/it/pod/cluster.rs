//! beadlet inside of the cluster: installed, disturbed, uninstalled.

use std::{collections::BTreeMap, fs};

use beadlet_testbed::{control_plane::Component, eventually, images::Agent};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};

use super::installed::{Installed, RELEASE};
use super::scene::{LONG, custom};
use crate::chart::helm::repository;

/// What the model makes OpenCode write.
const GREETING: &[u8] = b"hello from the stub\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_install_and_a_push_become_a_closed_bead_and_uninstall_leaves_it() {
    let image = Agent::OpenCode.name();
    let (name, tag) = image.rsplit_once(':').unwrap();
    let values = json!({"agents": {"opencode": {"repository": name, "tag": tag}}});
    let town = Installed::new(
        &values,
        &json!({"writeBack": {"mode": "ClaimAndClose"}}),
        &json!({}),
    )
    .await;
    town.testbed
        .import(&Agent::OpenCode.archive().unwrap())
        .await
        .unwrap();
    town.push(&["gt-1"]).await;
    town.git_says("the bead is closed", |beads| {
        beads["gt-1"]["status"] == "closed"
    })
    .await;
    let bead = &town.beads()["gt-1"];
    let branch = "polecat/gt-1-1";
    let commit = town.project.head(branch).unwrap();
    let reason = bead["close_reason"].as_str().unwrap();
    assert!(
        reason.contains(branch) && reason.contains(&commit[..7]),
        "{reason}"
    );
    assert_eq!(town.project.read(branch, "hello.txt").unwrap(), GREETING);
    assert_eq!(
        town.jobs()
            .await
            .creations()
            .into_values()
            .collect::<Vec<_>>(),
        [1]
    );
    eventually(LONG, "the mirror shows it", async || {
        let shown = town
            .kubectl(&[
                "get",
                "configmaps",
                "-l",
                "bead-status=closed",
                "-o",
                "name",
            ])
            .await;
        (shown == "configmap/bead-gt-1\n")
            .then_some(())
            .ok_or(shown)
    })
    .await;
    uninstall(&town).await;
}

/// Everything that the chart makes, but for the kinds.
const OURS: &str = "deployments,services,poddisruptionbudgets,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,jobs,pods";

/// What the README says of it.
async fn uninstall(town: &Installed) {
    let before = town.project.head("main");
    let named = async |arguments: &[&str]| {
        town.kubectl(&[&["get", "-o", "name"], arguments].concat())
            .await
    };
    let made = [
        "--all-namespaces",
        "-l",
        "app.kubernetes.io/part-of=beadlet",
    ];
    assert_ne!(named(&[&[OURS], &made[..]].concat()).await, "");
    town.helm("uninstall", &json!({})).await;
    assert_eq!(named(&[&[OURS], &made[..]].concat()).await, "");
    assert_eq!(named(&["leases", "--namespace", RELEASE]).await, "");
    let kinds = named(&["crds", "-l", "app.kubernetes.io/part-of=beadlet"]).await;
    assert_eq!(kinds.lines().count(), 4, "{kinds}");
    let persons = named(&["beadstores,rigs"]).await;
    assert_eq!(persons.lines().count(), 2, "{persons}");
    assert_eq!(
        named(&["configmap/bead-gt-1"]).await,
        "configmap/bead-gt-1\n"
    );

    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let commands = readme
        .lines()
        .filter_map(|line| line.trim().strip_prefix("kubectl delete "));
    let commands: Vec<&str> = commands
        .map(|line| line.split('#').next().unwrap())
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        town.kubectl(&[&["delete"], &words[..]].concat()).await;
    }
    eventually(LONG, "the mirror is gone", async || {
        let left = named(&["configmaps", "-l", "app.kubernetes.io/managed-by=beadlet"]).await;
        left.is_empty().then_some(()).ok_or(left)
    })
    .await;
    assert_eq!(named(&["crds"]).await, "");
    assert_eq!(town.project.head("main"), before, "git is the person's");
}

/// The values of a release that says so much.
fn telling(level: &str) -> Value {
    json!({"log": {"level": level}})
}

/// Whether all of these have this status.
fn all_are(beads: &BTreeMap<String, Value>, ids: &[&str], status: &str) -> bool {
    ids.iter().all(|id| beads[*id]["status"] == status)
}

/// Gives work out and waits until some of it is being done.
async fn work(town: &Installed, ids: &[&str]) {
    town.push(ids).await;
    town.git_says("they are being worked on", |beads| {
        ids.iter().any(|id| beads[*id]["status"] == "in_progress")
    })
    .await;
    assert!(!all_are(&town.beads(), ids, "closed"));
}

/// The pod of the controller that leads.
async fn leader(town: &Installed) -> String {
    let leases: Api<Lease> = Api::namespaced(town.testbed.client(), RELEASE);
    eventually(LONG, "somebody leads", async || {
        let lease = leases
            .get("beadlet-controller")
            .await
            .map_err(|error| error.to_string())?;
        let holder = lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default();
        // The rest of the identity keeps processes of one machine apart.
        let pod = holder.rsplit_once('_').map(|(pod, _)| pod.to_owned());
        pod.ok_or_else(|| "nobody".to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn update_dead_leader_and_node_without_power_lose_nothing_and_do_nothing_twice() {
    // The last would take so long that all of them are at work when the power goes.
    let agent = custom(
        "case $GT_POLECAT in gt-[789]-1) busybox sleep 120;; *) busybox sleep 10;; esac; echo \"$GT_ISSUE\" > made.txt",
    );
    let rig = json!({"polecatTemplate": {"spec": agent}, "settings": {"maxPolecats": 3}, "dispatch": {"backoff": {"initial": "1s"}}});
    let store = json!({"writeBack": {"mode": "ClaimAndClose"}});
    let town = Installed::new(&telling("info"), &store, &rig).await;

    let updated = ["gt-1", "gt-2", "gt-3"];
    work(&town, &updated).await;
    town.helm("upgrade", &telling("debug")).await;

    let orphaned = ["gt-4", "gt-5", "gt-6"];
    work(&town, &orphaned).await;
    let killed = leader(&town).await;
    town.kubectl(&[
        "--namespace",
        RELEASE,
        "delete",
        "pod",
        &killed,
        "--force",
        "--grace-period=0",
    ])
    .await;

    let powerless = ["gt-7", "gt-8", "gt-9"];
    work(&town, &powerless).await;
    eventually(LONG, "somebody else leads", async || {
        leader(&town).await != killed
    })
    .await;
    // A kubelet that starts with a pod of which some containers have ended and others never began leaves it as it is.
    eventually(2 * LONG, "their pods run", async || {
        let running = [
            "get",
            "pods",
            "--field-selector",
            "status.phase=Running",
            "-o",
            "name",
        ];
        let running = town.kubectl(&running).await;
        let is_running = |id: &&str| running.contains(&format!("pod/polecat-{id}-"));
        powerless
            .iter()
            .all(is_running)
            .then_some(())
            .ok_or(running)
    })
    .await;
    town.testbed.kill(Component::Node).await.unwrap();
    town.testbed.start_again(Component::Node).await.unwrap();

    let all = [updated, orphaned, powerless].concat();
    town.git_says("all beads are closed", |beads| {
        all_are(beads, &all, "closed")
    })
    .await;
    let once = all.iter().map(|id| ((*id).to_owned(), 1)).collect();
    assert_eq!(town.closings(), once, "each bead is closed once");
    for id in &all {
        let reason = town.beads()[*id]["close_reason"]
            .as_str()
            .unwrap()
            .to_owned();
        let branch = reason
            .split(' ')
            .find(|word| word.starts_with("polecat/"))
            .unwrap();
        let made = town.project.read(branch, "made.txt").unwrap();
        assert_eq!(
            String::from_utf8(made).unwrap(),
            format!("{id}\n"),
            "{reason}"
        );
    }
    let creations = town.jobs().await.creations();
    assert!(creations.values().all(|times| *times == 1), "{creations:?}");
    for id in [updated, orphaned].concat() {
        let of_bead = creations
            .keys()
            .filter(|name| name.starts_with(&format!("polecat-{id}-")));
        assert_eq!(
            of_bead.count(),
            1,
            "whoever leads, a bead is worked on once: {creations:?}"
        );
    }
}
