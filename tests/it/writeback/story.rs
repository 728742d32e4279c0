//! From a push to a closed bead in git, by the program `beadlet controller`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use beadlet_store::kinds::{BeadStore, PolecatPhase};
use beadlet_testbed::{GitRepo, Program, Running, eventually};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::scheduler_history::History;
use crate::scheduler_town::{End, SOON, Town, beadstore, merge};

pub(super) const FILE: &str = ".beads/issues.jsonl";

pub(super) fn process(town: &Town) -> Running {
    Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([
            "controller",
            "--namespace",
            town.name(),
            "--local-repositories",
            "--listen",
            "127.0.0.1:0",
        ])
        .arg("--kubeconfig")
        .arg(town.user().kubeconfig())
        .start()
}

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
    let author = json!({"name": "Mayor", "email": "mayor@example.com"});
    let spec = json!({"source": {"url": repo.url()}, "rigRef": town.name(), "writeBack": {"mode": mode, "author": author}});
    beadstore(&town.namespace, "beads", spec).await;
    (town, repo)
}

pub(super) fn records(repo: &GitRepo, branch: &str) -> BTreeMap<String, Value> {
    let text = String::from_utf8(repo.read(branch, FILE).unwrap()).unwrap();
    let records = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    records
        .map(|record| (record["id"].as_str().unwrap().to_owned(), record))
        .collect()
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

/// How many commits of ours there are.
fn commits(repo: &GitRepo) -> usize {
    let opened = repo.open();
    let mut walk = opened.revwalk().unwrap();
    walk.push_ref("refs/heads/main").unwrap();
    walk.filter(|id| {
        let commit = opened.find_commit(*id.as_ref().unwrap()).unwrap();
        commit.author().email().unwrap() == "mayor@example.com"
    })
    .count()
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
    let mut controller = process(&town);
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
    assert_eq!(commits(&repo), 2);
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
    let mut controller = process(&town);
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
    let mut controller = process(&town);
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
    let mut controller = process(&town);
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

/// Somebody who edits other records of the same file all the time.
async fn neighbour(repo: &GitRepo, stop: &AtomicBool) -> usize {
    let mut edits = 0;
    while !stop.load(Ordering::Relaxed) {
        // The commit first: of what is newer than it the branch has moved on, and the edit is not taken.
        let head = repo.head("main").unwrap();
        let text = String::from_utf8(repo.read("main", FILE).unwrap()).unwrap();
        edits += 1;
        let lines = text.lines().map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            if record["id"] == "xx-1" {
                record["notes"] = json!(format!("edit {edits}"));
                return record.to_string() + "\n";
            }
            format!("{line}\n")
        });
        let new: String = lines.collect();
        // As git does it: a push over a branch that has moved on is refused, and made anew.
        if !commit_after(repo, &head, &new) {
            edits -= 1;
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    edits
}

fn commit_after(repo: &GitRepo, head: &str, file: &str) -> bool {
    let opened = repo.open();
    let parent = opened.find_commit(head.parse().unwrap()).unwrap();
    let blob = opened.blob(file.as_bytes()).unwrap();
    let tree = git2::build::TreeUpdateBuilder::new()
        .upsert(FILE, blob, git2::FileMode::Blob)
        .create_updated(&opened, &parent.tree().unwrap())
        .unwrap();
    let author = git2::Signature::now("neighbour", "neighbour@example.com").unwrap();
    let new = opened
        .commit(
            None,
            &author,
            &author,
            "edit",
            &opened.find_tree(tree).unwrap(),
            &[&parent],
        )
        .unwrap();
    opened
        .reference_matching("refs/heads/main", new, true, parent.id(), "edit")
        .is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bead_is_closed_once_beside_a_second_writer_and_crashes() {
    const BEADS: usize = 60;
    let file: String = (0..BEADS)
        .map(|n| bead(&format!("gt-{n:03}"), &json!({})))
        .collect();
    // Somebody else's, of a type that nobody dispatches.
    let file = file + &bead("xx-1", &json!({"issue_type": "epic"}));
    let (town, repo) = town(
        "wb-many",
        json!({"settings": {"maxPolecats": 10}}),
        "ClaimAndClose",
        &file,
    )
    .await;
    let _kubelet = town.kubelet(End::Well);
    let stop = AtomicBool::new(false);
    let work = async {
        let mut controller = process(&town);
        for part in 1..=3 {
            git_says(&repo, "some are closed", |beads| {
                closed(beads) >= part * BEADS / 5
            })
            .await;
            controller.kill();
            controller = process(&town);
        }
        let beads = git_says(&repo, "all are closed", |beads| closed(beads) == BEADS).await;
        stop.store(true, Ordering::Relaxed);
        (controller, beads)
    };
    let ((mut controller, beads), edits) = tokio::join!(work, neighbour(&repo, &stop));
    assert!(edits > 10, "{edits}");
    assert_eq!(
        records(&repo, "main")["xx-1"]["notes"],
        json!(format!("edit {edits}")),
        "no edit of theirs is lost"
    );
    for (id, record) in beads.iter().filter(|(id, _)| id.starts_with("gt-")) {
        assert_eq!(
            record["close_reason"], "Done: branch polecat/x at commit abc",
            "{id}"
        );
        assert_eq!(record["closed_at"], record["updated_at"]);
    }
    assert!(
        closings(&repo).values().all(|count| *count == 1),
        "{:?}",
        closings(&repo)
    );
    assert!(commits(&repo) < BEADS, "{} commits", commits(&repo));
    // A creation that was asked for by a process that was killed meanwhile may be no success in the log.
    let creations = History::of(&town).await.creations();
    assert!(creations.values().all(|count| *count == 1), "{creations:?}");
    let jobs = town.jobs().list(&ListParams::default()).await.unwrap();
    assert_eq!(jobs.items.len(), BEADS);
    assert!(controller.terminate(SOON).await.success());
}

fn closed(beads: &BTreeMap<String, Value>) -> usize {
    beads
        .values()
        .filter(|bead| bead["status"] == "closed")
        .count()
}

/// How often each bead went from another status to closed.
fn closings(repo: &GitRepo) -> BTreeMap<String, usize> {
    let opened = repo.open();
    let mut walk = opened.revwalk().unwrap();
    walk.push_ref("refs/heads/main").unwrap();
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)
        .unwrap();
    let (mut closings, mut before) = (BTreeMap::new(), BTreeMap::<String, bool>::new());
    for id in walk {
        let tree = opened.find_commit(id.unwrap()).unwrap().tree().unwrap();
        let blob = opened
            .find_blob(tree.get_path(std::path::Path::new(FILE)).unwrap().id())
            .unwrap();
        for line in String::from_utf8(blob.content().to_vec()).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let (id, is_closed) = (
                record["id"].as_str().unwrap().to_owned(),
                record["status"] == "closed",
            );
            let was_closed = before.insert(id.clone(), is_closed).unwrap_or(false);
            *closings.entry(id).or_default() += usize::from(is_closed && !was_closed);
        }
    }
    closings.remove("xx-1");
    closings
}
