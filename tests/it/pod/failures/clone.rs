//! What keeps a repository from being cloned.

use beadlet_store::kinds::FailureClass;
use beadlet_testbed::git::ssh::HostKey;
use serde_json::{Value, json};

use super::{Failure, asked_again, rig};
use crate::pod::scene::{Over, Scene, ready, secret};

const SCRIPT: &str = "echo made > made";

/// A Rig whose polecats take this Secret and start from this branch. They could try three times.
fn from(secret: &str, branch: &str) -> Value {
    let template = json!({"kubernetes": {"gitSecretRef": {"name": secret}, "gitBranch": branch}});
    let mut rig = rig(SCRIPT, &template);
    rig["dispatch"]["maxAttempts"] = json!(3);
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clone_that_cannot_succeed_is_not_tried_again_until_somebody_has_mended_it() {
    let testbed = ready().await;
    let mut scene = Scene::on(testbed, "clones", Over::Ssh, from("project", "nowhere")).await;
    let namespace = &scene.town.namespace;
    let old = scene.project.secret.clone();
    // The server was set up anew since somebody wrote its key down.
    scene.project.ssh().change_host_keys(&[HostKey::Ecdsa]);
    let host = testbed.host().unwrap().to_string();
    let hosts = scene
        .project
        .ssh()
        .known_hosts()
        .replace("127.0.0.1", &host);
    let fingerprint = scene.project.ssh().fingerprints().remove(0);
    let mut good = old.clone();
    good["known_hosts"] = json!(hosts);
    let mut stranger = good.clone();
    let foreign = std::fs::read_to_string(scene.project.ssh().foreign_key()).unwrap();
    stranger["ssh-privatekey"] = json!(foreign);
    for (name, keys) in [("project", &good), ("stranger", &stranger), ("old", &old)] {
        secret(namespace, name, keys).await;
    }
    scene.rig("wk", &from("stranger", "main")).await;
    scene.rig("hk", &from("old", "main")).await;
    scene.push_all(&["gt-1", "wk-1", "hk-1"]);
    for (bead, words) in [
        (
            "gt-1",
            &[
                "exit code 42",
                "no branch nowhere: its default branch is main",
            ][..],
        ),
        ("wk-1", &["exit code 41", "cannot clone", "key"]),
        ("hk-1", &["exit code 41", "cannot clone", &fingerprint]),
    ] {
        let failure = Failure {
            bead,
            class: FailureClass::CloneFailed,
            words,
            is_kept: false,
        };
        failure.is_a_persons_affair(&scene).await;
    }
    scene.project.repo.commit("nowhere", "README.md", "here\n");
    secret(namespace, "stranger", &good).await;
    secret(namespace, "old", &good).await;
    for bead in ["gt-1", "wk-1", "hk-1"] {
        asked_again(&scene, bead).await;
        let made = scene.project.text(&format!("polecat/{bead}-1"), "made");
        assert_eq!(made.as_deref(), Some("made\n"), "{bead}");
    }
}
