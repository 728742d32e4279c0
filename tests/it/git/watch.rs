//! Changes of a local repository start a pass.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use beadlet_sync::triggers::{self, Trigger, Triggers};
use beadlet_testbed::git::GitRepo;
use beadlet_testbed::program::Program;
use beadlet_testbed::{Testbed, eventually};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ISSUES, SOON, beads, line, needs_user_namespaces};

/// Longer than any burst of changes, and what a test waits to say that there was none.
const QUIET: Duration = Duration::from_millis(200);

struct Watch {
    triggers: Triggers,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watch {
    /// Watches, and has seen the trigger that says so.
    async fn start(path: &Path) -> Self {
        let (puller, triggers) = Triggers::channel();
        let stop = CancellationToken::new();
        let task = tokio::spawn(triggers::watch(path.to_owned(), puller, stop.clone()));
        let mut watch = Self {
            triggers,
            stop,
            task,
        };
        watch.fires().await;
        watch.settles().await;
        watch
    }

    async fn fires(&mut self) {
        let fired = tokio::time::timeout(SOON, self.triggers.next())
            .await
            .expect("a trigger");
        assert!(fired.contains(Trigger::Files));
    }

    /// Gives how many triggers came until it was quiet.
    async fn settles(&mut self) -> usize {
        let mut count = 0;
        while tokio::time::timeout(QUIET, self.triggers.next())
            .await
            .is_ok()
        {
            count += 1;
        }
        count
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn every_commit_is_seen() {
    let repo = beads();
    let mut watch = Watch::start(repo.path()).await;
    for number in 0..20 {
        repo.commit("main", ISSUES, line(&format!("gt-{number}")));
        watch.fires().await;
        watch.settles().await;
    }
    watch.end().await;
}

#[tokio::test]
async fn push_by_git_is_seen_in_a_bare_repository() {
    let repo = beads();
    let clone = tempfile::tempdir().unwrap();
    let mut watch = Watch::start(repo.path()).await;
    git(clone.path(), &["clone", "-q", &repo.url(), "clone"]);
    let work = clone.path().join("clone");
    watch.settles().await;
    git(
        &work,
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ],
    );
    git(&work, &["push", "-q", "origin", "HEAD"]);
    watch.fires().await;
    watch.settles().await;
    // A branch in a folder that is new.
    git(&work, &["push", "-q", "origin", "HEAD:refs/heads/a/b/c"]);
    watch.fires().await;
    watch.settles().await;
    git(
        &work,
        &["push", "-q", "origin", "HEAD~1:refs/heads/a/b/c", "-f"],
    );
    watch.fires().await;
    watch.settles().await;
    git(repo.path(), &["pack-refs", "--all"]);
    watch.fires().await;
    watch.settles().await;
    git(&work, &["push", "-q", "origin", ":refs/heads/a/b/c"]);
    watch.fires().await;
}

#[tokio::test]
async fn head_and_branches_of_a_linked_work_tree_are_watched() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    repo.commit("side", ISSUES, line("gt-2"));
    let linked = repo.parent().join("linked");
    git(
        repo.path(),
        &["worktree", "add", "-q", linked.to_str().unwrap(), "side"],
    );
    let mut watch = Watch::start(&linked).await;
    git(&linked, &["checkout", "-q", "--detach", "main"]);
    watch.fires().await;
    watch.settles().await;
    repo.commit("side", ISSUES, line("gt-3"));
    watch.fires().await;
}

#[tokio::test]
async fn reading_and_editing_files_start_nothing() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    let mut watch = Watch::start(repo.path()).await;
    git(repo.path(), &["log", "-1"]);
    git(repo.path(), &["status"]);
    fs::write(repo.path().join(ISSUES), line("gt-2")).unwrap();
    fs::write(repo.path().join("new"), "x").unwrap();
    assert_eq!(watch.settles().await, 0);
}

#[tokio::test]
async fn flood_of_commits_is_a_few_triggers_and_the_last_one_is_never_missed() {
    let repo = beads();
    let mut watch = Watch::start(repo.path()).await;
    for number in 0..200 {
        repo.set_reference(
            &format!("refs/heads/b{number}"),
            &repo.head("main").unwrap(),
        );
    }
    let count = watch.settles().await;
    assert!((1..150).contains(&count), "{count}");
    repo.commit("main", ISSUES, line("gt-2"));
    watch.fires().await;
}

#[tokio::test]
async fn repository_that_is_replaced_is_watched_again() {
    let repo = beads();
    let path = repo.path().to_owned();
    let mut watch = Watch::start(&path).await;
    let other = beads();
    fs::remove_dir_all(&path).unwrap();
    watch.fires().await;
    watch.settles().await;
    fs::rename(other.path(), &path).unwrap();
    watch.fires().await;
    watch.settles().await;
    repo.commit("main", ISSUES, line("gt-2"));
    watch.fires().await;
}

#[tokio::test]
async fn repository_that_comes_later_is_watched_from_then_on() {
    let repo = beads();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("deep/repo.git");
    let mut watch = Watch::start(&path).await;
    fs::create_dir(place.path().join("deep")).unwrap();
    watch.settles().await;
    fs::rename(repo.path(), &path).unwrap();
    watch.fires().await;
    watch.settles().await;
    let moved = git2::Repository::open(&path).unwrap();
    let commit = moved.head().unwrap().peel_to_commit().unwrap().id();
    moved
        .reference("refs/heads/new", commit, true, "test")
        .unwrap();
    watch.fires().await;
}

#[tokio::test]
async fn link_that_is_swapped_leads_to_the_new_repository() {
    let (first, second) = (beads(), beads());
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("current");
    std::os::unix::fs::symlink(first.path(), &link).unwrap();
    let mut watch = Watch::start(&link).await;
    let next = place.path().join("next");
    std::os::unix::fs::symlink(second.path(), &next).unwrap();
    watch.settles().await;
    fs::rename(&next, &link).unwrap();
    watch.fires().await;
    watch.settles().await;
    second.commit("main", ISSUES, line("gt-2"));
    watch.fires().await;
}

#[tokio::test]
async fn without_watches_of_the_system_a_commit_is_seen_within_seconds() {
    needs_user_namespaces();
    let repo = beads();
    let namespace = Testbed::shared().await.namespace("no-watches").await;
    // The limit is that of a user namespace, in which only the program runs.
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$@\"";
    let mut program = Program::new("unshare")
        .args([
            "--map-root-user",
            "sh",
            "-c",
            script,
            env!("CARGO_BIN_EXE_beadlet"),
            "sync",
            "--repo",
        ])
        .arg(repo.path())
        .args([
            "--sync-interval",
            "1h",
            "--namespace",
            namespace.name(),
            "--kubeconfig",
        ])
        .arg(Testbed::shared().await.kubeconfig())
        .start();
    let config_maps: Api<ConfigMap> = namespace.api();
    let seen = async |id: &str| {
        eventually(SOON, "the ConfigMap is there", async || {
            config_maps.get(&format!("bead-{id}")).await
        })
        .await;
    };
    seen("gt-1").await;
    repo.commit("main", ISSUES, [line("gt-1"), line("gt-2")].concat());
    seen("gt-2").await;
    assert!(
        program.stderr().contains("cannot watch the repository"),
        "{}",
        program.stderr()
    );
    assert!(program.terminate(SOON).await.success());
}
