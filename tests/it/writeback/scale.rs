//! A thousand beads from open to closed in git: by one writer in peace, and beside a second one with the controller killed again and again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use beadlet_store::keys::{data, label};
use beadlet_testbed::git::http::{Auth, GitHttp, Tls};
use beadlet_testbed::{GitRepo, Running, eventually};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Signature, Sort};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::story::{FILE, MAYOR, bead, commits_of, times_of, writes_back};
use crate::scheduler_history::History;
use crate::scheduler_town::{End, SOON, Town, records};

const BEADS: usize = 1000;
/// How long all of it may take on a busy machine.
const LONG: Duration = Duration::from_secs(900);
/// How many commits of a process are waited for until it is killed: it makes one every five seconds.
const UNTIL_KILLED: usize = 2;
/// Between two commits of the second writer.
const EDIT: Duration = Duration::from_secs(1);

const NEIGHBOUR: &str = "neighbour@example.com";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_a_thousand_beads_is_closed_once() {
    let scene = Scene::new("wb-calm").await;
    let _kubelet = scene.town.kubelet(End::Well);
    let mut controller = scene.town.program().start();
    scene
        .until("all are closed", |seen| seen.closed == BEADS)
        .await;
    scene.is_as_it_should_be().await;
    // They are dated when they are begun, in whole seconds.
    let times = times_of(&scene.repo, MAYOR);
    let shortest = times.windows(2).map(|pair| pair[1] - pair[0]).min();
    assert!(shortest >= Some(4), "{times:?}");
    assert!(controller.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_one_of_a_thousand_beads_is_closed_once_beside_a_second_writer_and_crashes() {
    let scene = Scene::new("wb-crash").await;
    let _kubelet = scene.town.kubelet(End::Well);
    let stop = AtomicBool::new(false);
    let work = async {
        let ended = scene.kill_until_all_are_closed().await;
        stop.store(true, Ordering::Relaxed);
        ended
    };
    let ((mut controller, kills), edits) = tokio::join!(work, scene.neighbour(&stop));
    assert!(kills >= 3 && edits > 10, "{kills} kills, {edits} edits");
    assert_eq!(commits_of(&scene.repo, NEIGHBOUR), edits, "none is lost");
    let notes = json!(format!("edit {edits}"));
    assert_eq!(records(&scene.repo, "main")["xx-1"]["notes"], notes);
    scene.is_as_it_should_be().await;
    assert!(controller.terminate(SOON).await.success());
}

/// A town with many beads in a repository behind a git server.
struct Scene {
    town: Town,
    repo: GitRepo,
    _server: GitHttp,
}

/// How far it has come.
#[derive(Clone, Copy, Default)]
struct Seen {
    closed: usize,
    commits: usize,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} closed in {} commits", self.closed, self.commits)
    }
}

impl Scene {
    async fn new(name: &str) -> Self {
        let rig = json!({"settings": {"maxPolecats": 100}});
        let town = Town::new(name, rig).await;
        let repo = GitRepo::bare();
        repo.let_anyone_push();
        let beads = (0..BEADS).map(|n| bead(&format!("gt-{n:04}"), &json!({})));
        let mut file: String = beads.collect();
        // Somebody else's, of a type that nobody dispatches.
        file += &bead("xx-1", &json!({"issue_type": "epic"}));
        repo.commit("main", FILE, file);
        let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
        writes_back(&town, &server.url(&repo), "ClaimAndClose").await;
        Self {
            town,
            repo,
            _server: server,
        }
    }

    /// Waits until the branch is like this.
    async fn until(&self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Seen {
        let (mut head, mut seen) = (None, Seen::default());
        eventually(LONG, what, async || {
            // A commit is looked at once: it has a thousand records.
            let now = self.repo.head("main");
            if head != now {
                seen = self.seen();
                head = now;
            }
            if is_so(&seen) { Ok(seen) } else { Err(seen) }
        })
        .await
    }

    fn seen(&self) -> Seen {
        let beads = records(&self.repo, "main").into_values();
        Seen {
            closed: beads.filter(|bead| bead["status"] == "closed").count(),
            commits: commits_of(&self.repo, MAYOR),
        }
    }

    async fn kill_until_all_are_closed(&self) -> (Running, usize) {
        let mut kills = 0;
        loop {
            let mut controller = self.town.program().start();
            let before = commits_of(&self.repo, MAYOR);
            let is_time =
                |seen: &Seen| seen.closed == BEADS || seen.commits >= before + UNTIL_KILLED;
            let seen = self.until("more is committed", is_time).await;
            if seen.closed == BEADS {
                return (controller, kills);
            }
            controller.kill();
            kills += 1;
        }
    }

    /// Edits a record of the same file all the time, and says how often.
    async fn neighbour(&self, stop: &AtomicBool) -> usize {
        let mut edits = 0;
        while !stop.load(Ordering::Relaxed) {
            let head = self.repo.head("main").unwrap();
            let new = edited(&self.repo, &head, edits + 1);
            // As git does it: a push over a branch that has moved on is refused, and made anew.
            edits += usize::from(commit_after(&self.repo, &head, &new));
            tokio::time::sleep(EDIT).await;
        }
        edits
    }

    /// Every bead was closed once, by one Job, in few commits, and the ConfigMaps come to say what git says.
    async fn is_as_it_should_be(&self) {
        for (id, record) in records(&self.repo, "main") {
            if id != "xx-1" {
                let reason = "Done: branch polecat/x at commit abc";
                assert_eq!(record["close_reason"], reason, "{id}");
                assert_eq!(record["closed_at"], record["updated_at"], "{id}");
            }
        }
        let closings = closings(&self.repo);
        let other = closings.iter().find(|(_, count)| **count != 1);
        assert_eq!((closings.len(), other), (BEADS, None));
        let commits = commits_of(&self.repo, MAYOR);
        assert!(commits < BEADS / 5, "{commits} commits");
        // A creation that was asked for by a process that was killed meanwhile may be no success in the log.
        let creations = History::of(&self.town).await.creations();
        let other = creations.iter().find(|(_, count)| **count != 1);
        assert_eq!(other, None);
        let jobs = self.town.jobs().list(&ListParams::default()).await.unwrap();
        assert_eq!(jobs.items.len(), BEADS);
        eventually(SOON, "the ConfigMaps say what git says", async || {
            let (there, here) = (self.mirrored().await, lines(&self.repo));
            let differs = |id: &&String| there.get(*id) != here.get(*id);
            let mut all = there.keys().chain(here.keys());
            all.find(differs).map_or(Ok(()), |id| Err(id.to_owned()))
        })
        .await;
    }

    /// What the ConfigMaps hold of each issue.
    async fn mirrored(&self) -> BTreeMap<String, String> {
        let api: Api<ConfigMap> = self.town.namespace.api();
        let mirrored = ListParams::default().labels(label::STORE);
        let found = api.list(&mirrored).await.unwrap().into_iter();
        let issues = found.map(|configmap| {
            let line = configmap.data.unwrap().remove(data::ISSUE).unwrap();
            (id(&line), line)
        });
        issues.collect()
    }
}

fn id(line: &str) -> String {
    let record: Value = serde_json::from_str(line).unwrap();
    record["id"].as_str().unwrap().to_owned()
}

fn text(repo: &GitRepo, at: &str) -> String {
    String::from_utf8(repo.read(at, FILE).unwrap()).unwrap()
}

/// The lines of the file by the ids of their issues.
fn lines(repo: &GitRepo) -> BTreeMap<String, String> {
    let text = text(repo, "main");
    let lines = text.lines().map(|line| (id(line), line.to_owned()));
    lines.collect()
}

/// The file of a commit with an edit of the neighbour's issue.
fn edited(repo: &GitRepo, at: &str, edit: usize) -> String {
    let text = text(repo, at);
    let lines = text.lines().map(|line| {
        if id(line) != "xx-1" {
            return format!("{line}\n");
        }
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["notes"] = json!(format!("edit {edit}"));
        format!("{record}\n")
    });
    lines.collect()
}

fn commit_after(repo: &GitRepo, head: &str, file: &str) -> bool {
    let opened = repo.open();
    let parent = opened.find_commit(head.parse().unwrap()).unwrap();
    let blob = opened.blob(file.as_bytes()).unwrap();
    let tree = TreeUpdateBuilder::new()
        .upsert(FILE, blob, FileMode::Blob)
        .create_updated(&opened, &parent.tree().unwrap())
        .unwrap();
    let author = Signature::now("neighbour", NEIGHBOUR).unwrap();
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

/// How often each bead went from another status to closed.
fn closings(repo: &GitRepo) -> BTreeMap<String, usize> {
    let opened = repo.open();
    let mut walk = opened.revwalk().unwrap();
    walk.push_ref("refs/heads/main").unwrap();
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE).unwrap();
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
