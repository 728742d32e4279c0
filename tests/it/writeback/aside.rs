//! What is written to another branch than the one that is read, and signed.

use std::{fs, process::Command};

use beadlet_store::kinds::{BeadStore, PolecatPhase};
use beadlet_testbed::{GitRepo, eventually};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, from_value, json};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::story::{FILE, bead};
use crate::scheduler_history::History;
use crate::scheduler_town::{End, SOON, Town, beadstore, records};

const ASIDE: &str = "claims";

fn key() -> PrivateKey {
    let pair = Ed25519Keypair::from_seed(&[7; 32]);
    PrivateKey::new(KeypairData::Ed25519(pair), "").unwrap()
}

async fn town(name: &str, file: &str) -> (Town, GitRepo) {
    let town = Town::new(name, json!({})).await;
    let repo = GitRepo::bare();
    repo.commit("main", FILE, file);
    let key = key().to_openssh(LineEnding::LF).unwrap().to_string();
    let secret: Secret = from_value(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "signing"}, "stringData": {"key": key}}),
    )
    .unwrap();
    let secrets: Api<Secret> = town.namespace.api();
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .unwrap();
    let spec = json!({"source": {"url": repo.url(), "branch": "main"}, "rigRef": town.name(), "writeBack": {
        "mode": "ClaimAndClose", "branch": ASIDE, "author": {"name": "Mayor", "email": "mayor@example.com"},
        "signingKeySecretRef": {"name": "signing", "key": "key"}}});
    beadstore(&town.namespace, "beads", spec).await;
    (town, repo)
}

/// Waits until a branch says so of a bead.
async fn says(repo: &GitRepo, branch: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
    eventually(SOON, what, async || {
        let record = repo
            .head(branch)
            .map(|_| records(repo, branch)["gt-1"].clone());
        match record {
            Some(record) if is_so(&record) => Ok(()),
            other => Err(format!("{other:#?}")),
        }
    })
    .await;
}

fn parent(repo: &GitRepo, branch: &str) -> String {
    let opened = repo.open();
    let commit = opened.revparse_single(branch).unwrap();
    let commit = commit.peel_to_commit().unwrap();
    assert_eq!(commit.parent_count(), 1);
    commit.parent_id(0).unwrap().to_string()
}

fn merge(repo: &GitRepo) {
    repo.set_reference("refs/heads/main", &repo.head(ASIDE).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branch_aside_holds_what_is_not_merged_yet_and_nothing_starts_twice() {
    let (town, repo) = town("wb-aside", &bead("gt-1", &json!({}))).await;
    let main = repo.head("main").unwrap();
    let mut controller = town.program().start();
    let is_claimed = |bead: &Value| bead["status"] == "in_progress";
    says(&repo, ASIDE, "the claim is offered", is_claimed).await;
    assert_eq!(
        (repo.head("main").unwrap(), parent(&repo, ASIDE)),
        (main.clone(), main)
    );
    is_signed(&repo);

    // Somebody goes on on the branch that is read.
    let epic = bead("gt-2", &json!({"issue_type": "epic"}));
    let file = bead("gt-1", &json!({})) + &epic;
    let main = repo.commit("main", FILE, file);
    eventually(SOON, "it is offered after their commit", async || {
        (parent(&repo, ASIDE) == main).then_some(())
    })
    .await;
    assert_eq!(records(&repo, ASIDE).len(), 2);

    let _kubelet = town.kubelet(End::Well);
    town.phase("gt-1-1", PolecatPhase::Done).await;
    let is_closed = |bead: &Value| bead["status"] == "closed";
    says(&repo, ASIDE, "the end is offered", is_closed).await;
    assert_eq!(parent(&repo, ASIDE), main);
    assert_eq!(records(&repo, "main")["gt-1"]["status"], "open");

    merge(&repo);
    let merged = repo.head("main").unwrap();
    let stores: Api<BeadStore> = town.namespace.api();
    eventually(SOON, "the mirror shows what was merged", async || {
        let status = stores.get("beads").await.unwrap().status.unwrap();
        (status.commit.as_deref() == Some(&merged) && status.counts.get("closed") == Some(&1))
            .then_some(())
    })
    .await;
    assert_eq!(History::of(&town).await.creations().len(), 1);
    assert_eq!(repo.head(ASIDE).unwrap(), merged, "nothing is left to say");
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offer_is_taken_back_and_a_commit_of_somebody_else_is_left_alone() {
    let (town, repo) = town("wb-foreign", &bead("gt-1", &json!({}))).await;
    let mut controller = town.program().start();
    let is_claimed = |bead: &Value| bead["status"] == "in_progress";
    says(&repo, ASIDE, "the claim is offered", is_claimed).await;
    let kubelet = town.kubelet(End::Badly);
    town.phase("gt-1-1", PolecatPhase::Failed).await;
    let is_open = |bead: &Value| bead["status"] == "open";
    says(&repo, ASIDE, "the claim is taken back", is_open).await;
    drop(kubelet);

    let theirs = repo.commit(ASIDE, "NOTES", "mine");
    // Something that has to be said.
    repo.commit("main", FILE, bead("gt-1", &json!({"priority": 1})));
    town.phase("gt-1-2", PolecatPhase::Working).await;
    let stores: Api<BeadStore> = town.namespace.api();
    let said = eventually(SOON, "the condition says so", async || {
        let status = stores.get("beads").await.unwrap().status.unwrap();
        let mut conditions = status.conditions.into_iter();
        conditions.find(|condition| condition.reason == "BranchNotOurs")
    })
    .await;
    assert!(
        said.status == "False" && said.message.contains(&theirs),
        "{said:?}"
    );
    assert_eq!(repo.head(ASIDE).unwrap(), theirs);
    repo.delete_branch(ASIDE);
    says(&repo, ASIDE, "the claim is offered anew", is_claimed).await;
    assert!(controller.terminate(SOON).await.success());
}

/// By git's own word.
fn is_signed(repo: &GitRepo) {
    let folder = tempfile::tempdir().unwrap();
    let allowed = folder.path().join("allowed");
    let public = key().public_key().to_openssh().unwrap();
    fs::write(&allowed, format!("mayor@example.com {public}\n")).unwrap();
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "-c"])
        .arg(format!("gpg.ssh.allowedSignersFile={}", allowed.display()))
        .args(["log", "-1", "--format=%G? %GS", ASIDE])
        .current_dir(repo.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "G mayor@example.com\n", "{output:?}");
}
