//! From a push to a closed bead in git, by the program `beadlet controller`.

use std::collections::BTreeMap;
use std::time::Duration;

use beadlet_store::kinds::{BeadStore, PolecatPhase};
use beadlet_testbed::{GitRepo, eventually};
use kube::Api;
use serde_json::{Value, json};

use crate::scheduler_history::History;
use crate::scheduler_town::{End, SOON, Town, beadstore, merge, records};

pub(super) const FILE: &str = ".beads/issues.jsonl";
/// Who commits what is written back.
pub(super) const MAYOR: &str = "mayor@example.com";

pub(super) fn bead(id: &str, fields: &Value) -> String {
    let mut issue = json!({"id": id, "title": "t", "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    merge(&mut issue, fields);
    format!("{issue}\n")
}

/// A town with a repository that a BeadStore mirrors and writes back to.
async fn town(name: &str, rig: Value, mode: &str, file: &str) -> (Town, GitRepo) {
    let town = Town::new(name, rig).await;
    let repo = GitRepo::bare();
    repo.commit("main", FILE, file);
    writes_back(&town, &repo.url(), mode).await;
    (town, repo)
}

/// Makes the BeadStore that mirrors a repository and writes back to it.
pub(super) async fn writes_back(town: &Town, url: &str, mode: &str) {
    let author = json!({"name": "Mayor", "email": MAYOR});
    let spec = json!({"source": {"url": url}, "rigRef": town.name(), "writeBack": {"mode": mode, "author": author}});
    beadstore(&town.namespace, "beads", spec).await;
}

async fn git_says(
    repo: &GitRepo,
    what: &str,
    is_so: impl Fn(&BTreeMap<String, Value>) -> bool,
) -> BTreeMap<String, Value> {
    eventually(Duration::from_secs(240), what, async || {
        let records = records(repo, "main");
        if is_so(&records) {
            Ok(records)
        } else {
            Err(format!("{records:#?}"))
        }
    })
    .await
}

/// When the commits of somebody were made, oldest first.
pub(super) fn times_of(repo: &GitRepo, email: &str) -> Vec<i64> {
    let opened = repo.open();
    let mut walk = opened.revwalk().unwrap();
    walk.push_ref("refs/heads/main").unwrap();
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)
        .unwrap();
    let time = |id| {
        let commit = opened.find_commit(id).unwrap();
        let is_theirs = commit.author().email().unwrap() == email;
        is_theirs.then(|| commit.time().seconds())
    };
    walk.filter_map(|id| time(id.unwrap())).collect()
}

pub(super) fn commits_of(repo: &GitRepo, email: &str) -> usize {
    times_of(repo, email).len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bead_is_claimed_when_it_is_worked_on_and_closed_when_it_is_done() {
    let (town, repo) = town(
        "wb-story",
        json!({}),
        "ClaimAndClose",
        &bead("gt-1", &json!({})),
    )
    .await;
    let mut controller = town.program().start();
    let claimed = git_says(&repo, "the bead is claimed", |beads| {
        beads["gt-1"]["status"] == "in_progress"
    })
    .await;
    let assignee = json!(format!("{}/polecats/gt-1-1", town.name()));
    assert_eq!(claimed["gt-1"]["assignee"], assignee);
    assert!(claimed["gt-1"]["started_at"].is_string());
    assert_eq!(
        town.phase("gt-1-1", PolecatPhase::Working)
            .await
            .spec
            .bead_id
            .as_deref(),
        Some("gt-1")
    );

    let _kubelet = town.kubelet(End::Well);
    let closed = git_says(&repo, "the bead is closed", |beads| {
        beads["gt-1"]["status"] == "closed"
    })
    .await;
    assert_eq!(
        closed["gt-1"]["close_reason"],
        "Done: branch polecat/x at commit abc"
    );
    assert_eq!(
        (&closed["gt-1"]["assignee"], &closed["gt-1"]["closed_at"]),
        (&assignee, &closed["gt-1"]["updated_at"])
    );
    assert_eq!(commits_of(&repo, MAYOR), 2);
    let stores: Api<BeadStore> = town.namespace.api();
    eventually(SOON, "the status says so", async || {
        let status = stores.get("beads").await.unwrap().status.unwrap();
        let is_written = status.conditions.iter().any(|condition| {
            condition.type_ == "WrittenBack"
                && condition.status == "True"
                && condition.message == "close gt-1"
        });
        let commit = status.write_back.map(|written| written.commit);
        (is_written && commit == repo.head("main") && status.commit == commit).then_some(())
    })
    .await;
    assert_eq!(
        History::of(&town).await.creations().len(),
        1,
        "our own commits start nothing"
    );
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bead_whose_attempts_fail_is_given_back_each_time_and_not_for_ever_tried() {
    let rig = json!({"dispatch": {"maxAttempts": 2, "backoff": {"initial": "10ms"}}});
    let (town, repo) = town("wb-fail", rig, "ClaimAndClose", &bead("gt-1", &json!({}))).await;
    let mut controller = town.program().start();
    let mut attempts = 0;
    for attempt in ["gt-1-1", "gt-1-2"] {
        town.phase(attempt, PolecatPhase::Working).await;
        let assignee = json!(format!("{}/polecats/{attempt}", town.name()));
        git_says(&repo, "it is claimed", |beads| {
            beads["gt-1"]["assignee"] == assignee
        })
        .await;
        let _kubelet = town.kubelet(End::Badly);
        attempts += 1;
        let given = git_says(&repo, "it is given back", |beads| {
            let comments = beads["gt-1"]["comments"].as_array().map_or(0, Vec::len);
            comments == attempts && beads["gt-1"]["comments"][attempts - 1]["author"] == assignee
        })
        .await;
        let text = given["gt-1"]["comments"][attempts - 1]["text"]
            .as_str()
            .unwrap();
        assert!(text.starts_with("gave up: AgentFailed"), "{text}");
    }
    git_says(&repo, "nobody has it", |beads| {
        beads["gt-1"]["status"] == "open" && beads["gt-1"].get("assignee").is_none()
    })
    .await;
    let rig = town
        .rig_says("the Rig says what waits", |rig| !rig.waiting.is_empty())
        .await;
    assert_eq!(
        serde_json::to_value(&rig.waiting).unwrap(),
        json!([{"reason": "Stuck", "count": 1, "first": "gt-1"}])
    );
    assert_eq!(History::of(&town).await.creations().len(), 2);
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_record_of_somebody_else_wins_and_stops_the_polecat() {
    let (town, repo) = town(
        "wb-theirs",
        json!({"dispatch": {"stopGrace": "10ms"}}),
        "ClaimAndClose",
        &bead("gt-1", &json!({})),
    )
    .await;
    let mut controller = town.program().start();
    git_says(&repo, "it is claimed", |beads| {
        beads["gt-1"]["status"] == "in_progress"
    })
    .await;
    let _kubelet = town.kubelet(End::Never);
    let theirs = bead(
        "gt-1",
        &json!({"status": "in_progress", "assignee": "mayor/", "updated_at": "2026-11-25T00:00:00Z"}),
    );
    let commit = repo.commit("main", FILE, &theirs);
    town.phase("gt-1-1", PolecatPhase::Terminated).await;
    assert_eq!(repo.head("main").unwrap(), commit);
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checked_out_branch_is_said_in_a_condition_and_written_to_when_it_is_free() {
    let town = Town::new("wb-refused", json!({})).await;
    let repo = GitRepo::with_work_tree();
    repo.commit("main", FILE, bead("gt-1", &json!({})));
    repo.set_head("main");
    let spec = json!({"source": {"url": repo.url(), "branch": "main"}, "rigRef": town.name(), "writeBack": {"mode": "Claim"}});
    beadstore(&town.namespace, "beads", spec).await;
    let stores: Api<BeadStore> = town.namespace.api();
    let mut controller = town.program().start();
    eventually(SOON, "the condition says so", async || {
        let status = stores
            .get("beads")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let found = status
            .conditions
            .into_iter()
            .find(|condition| condition.type_ == "WrittenBack");
        found.filter(|found| {
            found.status == "False"
                && found.reason == "PushRefused"
                && found.message.contains("checked out")
        })
    })
    .await;
    repo.set_head("elsewhere");
    git_says(&repo, "the bead is claimed", |beads| {
        beads["gt-1"]["status"] == "in_progress"
    })
    .await;
    assert!(controller.terminate(SOON).await.success());
}
