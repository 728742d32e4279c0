//! `kubectl describe` on every kind tells the story, in Events.

use std::process::Command;

use beadlet_store::kinds::{BeadStore, PolecatPhase};
use beadlet_testbed::{GitRepo, Running, eventually, tools::Tool};
use kube::Api;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::scheduler_program::lines;
use super::scheduler_town::{End, SOON, Town, beadstore, merge};

const FILE: &str = ".beads/issues.jsonl";

/// A town whose repository is mirrored and written back to by the program itself.
struct Scene {
    town: Town,
    repo: GitRepo,
    /// kubectl keeps there what it knows of the API.
    cache: TempDir,
    _controller: Running,
}

impl Scene {
    async fn new(name: &str, rig: Value) -> Self {
        let town = Town::new(name, rig).await;
        let repo = GitRepo::bare();
        repo.commit("main", FILE, "");
        let spec = json!({"source": {"url": repo.url()}, "rigRef": town.name(), "writeBack": {"mode": "ClaimAndClose"}});
        beadstore(&town.namespace, "beads", spec).await;
        let controller = town.program().start();
        Self {
            town,
            repo,
            cache: tempfile::tempdir().unwrap(),
            _controller: controller,
        }
    }

    /// The Events of an object as kubectl shows them to a person.
    async fn events(&self, kind: &str, name: &str) -> String {
        let mut command = Command::new(Tool::Kubectl.locate().unwrap());
        command
            .args(["describe", kind, name, "-n", self.town.name()])
            .arg("--kubeconfig")
            .arg(self.town.namespace.user("person").kubeconfig())
            .arg("--cache-dir")
            .arg(self.cache.path())
            .env_clear();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = output.await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind} {name}: {error}");
        let text = String::from_utf8(output.stdout).unwrap();
        let events = text.split_once("\nEvents:").map(|(_, events)| events);
        events
            .unwrap_or_else(|| panic!("no Events in\n{text}"))
            .to_owned()
    }

    /// Waits until the Events tell all this: in each line all of the words.
    async fn tells(&self, kind: &str, name: &str, story: &[&[&str]]) -> String {
        eventually(SOON, &format!("the story of {kind} {name}"), async || {
            let events = self.events(kind, name).await;
            let is_told = |words: &&[&str]| {
                let has_all = |line: &str| words.iter().all(|word| line.contains(word));
                events.lines().any(has_all)
            };
            match story.iter().find(|words| !is_told(words)) {
                None => Ok(events),
                Some(words) => Err(format!("{words:?} is not in\n{events}")),
            }
        })
        .await
    }
}

fn convoy(members: &[&str]) -> String {
    let edges: Vec<Value> = members
        .iter()
        .map(|id| json!({"issue_id": "hq-cv-1", "depends_on_id": id, "type": "tracks"}))
        .collect();
    let mut convoy = json!({"id": "hq-cv-1", "title": "wave", "status": "open", "priority": 2, "issue_type": "convoy",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    merge(&mut convoy, &json!({"dependencies": edges}));
    format!("{convoy}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn describe_tells_the_story_of_every_kind() {
    let rig = json!({"settings": {"maxPolecats": 1}});
    let scene = Scene::new("describe", rig).await;
    // The second waits until git says that the first is closed, so the convoy comes by half.
    let edge = json!({"issue_id": "gt-1", "depends_on_id": "gt-0", "type": "blocks"});
    let waiting = lines(1, &json!({"id": "gt-1", "dependencies": [edge]}));
    let file = lines(1, &json!({})) + &waiting + &convoy(&["gt-0", "gt-1"]);
    let commit = scene.repo.commit("main", FILE, file);
    let short = &commit[..12];
    let here = scene.town.name();
    // A claim that nobody hurries.
    let claim: [&[&str]; 2] = [
        &["Normal", "Synced", short, "3 issues"],
        &["Normal", "WrittenBack", "claim gt-0"],
    ];
    scene.tells("beadstore", "beads", &claim).await;
    let _kubelet = scene.town.kubelet(End::Well);
    let close: [&[&str]; 1] = [&["Normal", "WrittenBack", "close"]];
    scene.tells("beadstore", "beads", &close).await;
    let first = format!("{here}/gt-0-1 (attempt 1 at gt-0)");
    let second = format!("{here}/gt-1-1 (attempt 1 at gt-1)");
    let rig: [&[&str]; 2] = [&["Dispatched", &first], &["Dispatched", &second]];
    scene.tells("rig", here, &rig).await;
    let polecat: [&[&str]; 2] = [
        &[
            "Normal",
            "Working",
            "Job polecat-gt-0-1 starts: attempt 1 at gt-0",
        ],
        &["Normal", "Done", "pushed to polecat/x at commit abc"],
    ];
    scene.tells("polecat", "gt-0-1", &polecat).await;
    let convoy: [&[&str]; 2] = [
        &["Normal", "Progress", "1/2 beads are complete, now gt-0"],
        &["Normal", "Complete", "2/2"],
    ];
    scene.tells("convoy", "hq-cv-1", &convoy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn describe_says_that_a_failure_is_tried_again_and_when_it_is_not() {
    let rig = json!({"dispatch": {"maxAttempts": 2, "backoff": {"initial": "10ms"}}});
    let scene = Scene::new("describe-fail", rig).await;
    let _kubelet = scene.town.kubelet(End::Badly);
    scene.repo.commit("main", FILE, lines(1, &json!({})));
    scene.town.phase("gt-0-2", PolecatPhase::Stuck).await;
    let again: [&[&str]; 1] = [&["Warning", "AgentFailed", "it will be tried again"]];
    scene.tells("polecat", "gt-0-1", &again).await;
    let stuck: [&[&str]; 2] = [
        &[
            "Normal",
            "Working",
            "attempt 2 at gt-0, as the last one failed",
        ],
        &["Warning", "AgentFailed", "it will not be tried again"],
    ];
    scene.tells("polecat", "gt-0-2", &stuck).await;
    let store: [&[&str]; 1] = [&["Normal", "WrittenBack", "give back gt-0"]];
    scene.tells("beadstore", "beads", &store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_commits_is_not_a_flood_of_events() {
    let scene = Scene::new("describe-flood", json!({"dispatch": {"enabled": false}})).await;
    let mut last = String::new();
    for n in 1..=30 {
        last = scene.repo.commit("main", FILE, lines(n, &json!({})));
        let stores: Api<BeadStore> = scene.town.namespace.api();
        eventually(SOON, "the commit is mirrored", async || {
            let status = stores.get("beads").await.unwrap().status;
            status.and_then(|status| status.commit).as_deref() == Some(&last)
        })
        .await;
    }
    let sum: [&[&str]; 1] = [&["Normal", "Synced", "more of this kind"]];
    let events = scene.tells("beadstore", "beads", &sum).await;
    let told = events
        .lines()
        .filter(|line| line.contains("Synced"))
        .count();
    assert!((10..=11).contains(&told), "{events}");
    assert!(!events.contains(&last[..12]), "{events}");
}
