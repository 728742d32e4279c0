//! A repository on a local path.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use beadlet_sync::git::{Reason, Repository, Source};
use beadlet_testbed::git::GitRepo;

use super::{ISSUES, SOON, beads, line, read, refused, source, text, tip};

fn local(path: impl AsRef<Path>) -> Repository {
    Repository::open(in_place(path))
}

fn in_place(path: impl AsRef<Path>) -> Source {
    source(path.as_ref().to_str().unwrap(), Path::new("/nonexistent"))
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
async fn bare_repository_is_read_in_place() {
    let repo = beads();
    let mut repository = local(repo.path());
    let tip = tip(&mut repository).await;
    assert_eq!(tip.branch, "main");
    assert_eq!(Some(tip.commit.to_string()), repo.head("main"));
    let snapshot = repository.fetch(&tip).await.unwrap();
    assert_eq!(snapshot.path, ISSUES);
    assert_eq!(snapshot.file, line("gt-1"));
    assert_eq!((snapshot.dolt, snapshot.tracker_config), (false, None));
}

#[tokio::test]
async fn each_commit_is_seen_by_the_same_handle() {
    let repo = beads();
    let mut repository = local(repo.path());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    repo.commit("main", ISSUES, line("gt-2"));
    assert_eq!(text(&mut repository).await, line("gt-2"));
    repo.pack();
    repo.commit("main", ISSUES, line("gt-3"));
    assert_eq!(text(&mut repository).await, line("gt-3"));
}

#[tokio::test]
async fn commit_time_is_that_of_the_committer() {
    let repo = beads();
    repo.on("main")
        .write(ISSUES, line("gt-2"))
        .at(1_700_000_000)
        .commit("later");
    let snapshot = read(&mut local(repo.path())).await.unwrap();
    assert_eq!(snapshot.committed_at.to_string(), "2023-11-14T22:13:20Z");
}

#[tokio::test]
async fn work_tree_is_read_by_its_commits_and_not_by_its_files() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    fs::write(repo.path().join(ISSUES), line("gt-uncommitted")).unwrap();
    for path in [repo.path().to_owned(), repo.path().join(".git")] {
        assert_eq!(text(&mut local(path)).await, line("gt-1"));
    }
    let url = format!("file://{}", repo.path().display());
    assert_eq!(
        text(&mut Repository::open(source(
            &url,
            Path::new("/nonexistent")
        )))
        .await,
        line("gt-1")
    );
}

#[tokio::test]
async fn linked_work_tree_is_read_at_its_own_head() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    repo.commit("side", ISSUES, line("gt-2"));
    let linked = repo.parent().join("linked");
    git(
        repo.path(),
        &["worktree", "add", "-q", linked.to_str().unwrap(), "side"],
    );
    let mut repository = local(&linked);
    assert_eq!(tip(&mut repository).await.branch, "side");
    assert_eq!(text(&mut repository).await, line("gt-2"));
}

#[tokio::test]
async fn detached_head_is_read() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    git(repo.path(), &["checkout", "-q", "--detach"]);
    let mut repository = local(repo.path());
    assert_eq!(tip(&mut repository).await.branch, "HEAD");
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn branch_is_the_configured_one_or_beads_sync_or_head() {
    let repo = beads();
    repo.commit("work", ISSUES, line("gt-work"));
    let mut configured = Repository::open(Source {
        branch: Some("work".to_owned()),
        ..in_place(repo.path())
    });
    assert_eq!(text(&mut configured).await, line("gt-work"));
    let mut probing = local(repo.path());
    assert_eq!(text(&mut probing).await, line("gt-1"));
    repo.commit("beads-sync", ISSUES, line("gt-sync"));
    assert_eq!(text(&mut probing).await, line("gt-sync"));
    let mut tagged = Repository::open(Source {
        branch: Some("refs/tags/v1".to_owned()),
        ..in_place(repo.path())
    });
    repo.set_reference("refs/tags/v1", &repo.head("work").unwrap());
    assert_eq!(text(&mut tagged).await, line("gt-work"));
}

#[tokio::test]
async fn tracker_names_the_branch_at_head() {
    let repo = beads();
    repo.commit("tracker", ISSUES, line("gt-tracker"));
    let mut repository = local(repo.path());
    assert_eq!(tip(&mut repository).await.branch, "main");
    repo.commit("main", ".beads/config.yaml", "sync-branch: tracker\n");
    assert_eq!(text(&mut repository).await, line("gt-tracker"));
    repo.commit("main", ".beads/config.yaml", "sync-branch: gone\n");
    let message = refused(&mut repository, Reason::BranchNotFound).await;
    assert!(
        message.contains("sync-branch") && message.contains("tracker"),
        "{message}"
    );
}

#[tokio::test]
async fn broken_tracker_configuration_costs_only_itself() {
    let repo = beads();
    repo.commit("main", ".beads/config.yaml", "sync-branch: [a\n\t: b");
    let snapshot = read(&mut local(repo.path())).await.unwrap();
    assert_eq!(snapshot.branch, "main");
    assert!(snapshot.tracker_config.is_some());
}

#[tokio::test]
async fn absent_branch_names_the_ones_there_are() {
    let repo = beads();
    repo.commit("work", ISSUES, line("gt-work"));
    let mut repository = Repository::open(Source {
        branch: Some("wrok".to_owned()),
        ..in_place(repo.path())
    });
    let message = refused(&mut repository, Reason::BranchNotFound).await;
    assert!(message.contains("(there is work, main)"), "{message}");
}

#[tokio::test]
async fn deleted_renamed_and_made_again_branch() {
    let repo = beads();
    let mut repository = Repository::open(Source {
        branch: Some("main".to_owned()),
        ..in_place(repo.path())
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    repo.rename_branch("main", "trunk");
    refused(&mut repository, Reason::BranchNotFound).await;
    repo.unrelated("main")
        .write(ISSUES, line("gt-9"))
        .commit("anew");
    assert_eq!(text(&mut repository).await, line("gt-9"));
}

#[tokio::test]
async fn repository_without_a_commit_is_said_to_be_empty() {
    let repo = GitRepo::bare();
    refused(&mut local(repo.path()), Reason::RepositoryEmpty).await;
}

#[tokio::test]
async fn usual_names_are_looked_for_in_order() {
    let repo = GitRepo::bare();
    repo.commit("main", ".beads/export.jsonl", line("gt-export"));
    let mut repository = local(repo.path());
    assert_eq!(text(&mut repository).await, line("gt-export"));
    repo.commit("main", ".beads/beads.jsonl", line("gt-beads"));
    assert_eq!(text(&mut repository).await, line("gt-beads"));
    repo.commit("main", ISSUES, line("gt-issues"));
    assert_eq!(text(&mut repository).await, line("gt-issues"));
    let mut configured = Repository::open(Source {
        path: Some(".beads/export.jsonl".to_owned()),
        ..in_place(repo.path())
    });
    assert_eq!(text(&mut configured).await, line("gt-export"));
}

#[tokio::test]
async fn redirect_leads_one_hop_inside_the_repository() {
    let repo = GitRepo::bare();
    let change = repo
        .on("main")
        .write("rig/.beads/issues.jsonl", line("gt-rig"))
        .write("rig/.beads/redirect", "elsewhere");
    change
        .write(".beads/redirect", "# moved\nrig/.beads\n")
        .commit("redirect");
    let snapshot = read(&mut local(repo.path())).await.unwrap();
    assert_eq!(
        (snapshot.path.as_str(), snapshot.file),
        ("rig/.beads/issues.jsonl", line("gt-rig").into())
    );
    repo.commit("main", ".beads/redirect", "../../etc");
    let message = refused(&mut local(repo.path()), Reason::SettingsInvalid).await;
    assert!(message.contains("leads out of the repository"), "{message}");
}

#[tokio::test]
async fn missing_path_names_what_was_looked_for_and_what_is_there() {
    let repo = GitRepo::bare();
    repo.commit("main", ".beads/all.jsonl", line("gt-1"));
    let message = refused(&mut local(repo.path()), Reason::PathNotFound).await;
    assert!(
        message.contains(".beads/issues.jsonl, .beads/beads.jsonl, .beads/export.jsonl"),
        "{message}"
    );
    assert!(message.contains("there is .beads/all.jsonl"), "{message}");
}

#[tokio::test]
async fn directory_symlink_and_submodule_at_the_path_each_say_what_to_do() {
    let repo = GitRepo::bare();
    let commit = repo.commit("other", "data/issues.jsonl", line("gt-1"));
    let mut repository = local(repo.path());
    repo.commit("main", ".beads/issues.jsonl/part", "x");
    let message = refused(&mut repository, Reason::PathNotAFile).await;
    assert!(message.contains("is a directory"), "{message}");
    let link = repo
        .unrelated("main")
        .symlink(ISSUES, "../data/issues.jsonl");
    link.commit("link");
    let message = refused(&mut repository, Reason::PathNotAFile).await;
    assert!(
        message.contains("symbolic link to \"../data/issues.jsonl\""),
        "{message}"
    );
    repo.unrelated("main")
        .submodule(".beads", &commit)
        .commit("submodule");
    let message = refused(&mut repository, Reason::PathNotAFile).await;
    assert!(message.starts_with(".beads is a submodule"), "{message}");
}

#[tokio::test]
async fn dolt_only_repository_says_what_to_switch_on() {
    let repo = GitRepo::bare();
    let commit = repo.commit("main", "README.md", "hello");
    repo.set_reference("refs/dolt/data", &commit);
    let mut repository = local(repo.path());
    let message = refused(&mut repository, Reason::DoltOnly).await;
    assert!(message.contains("export.auto: true"), "{message}");
    repo.commit("main", ISSUES, line("gt-1"));
    assert!(read(&mut repository).await.unwrap().dolt);
}

#[tokio::test]
async fn file_above_the_limit_is_refused_before_it_is_read() {
    let repo = beads();
    let mut repository = Repository::open(Source {
        max_file_bytes: 8.try_into().unwrap(),
        ..in_place(repo.path())
    });
    let message = refused(&mut repository, Reason::FileTooLarge).await;
    assert!(message.contains("limit of 8"), "{message}");
}

#[tokio::test]
async fn place_without_a_repository_says_where_one_is() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", "sub/file", "x");
    let inside = refused(
        &mut local(repo.path().join("sub")),
        Reason::RepositoryNotFound,
    )
    .await;
    assert!(inside.contains("it is inside the one at"), "{inside}");
    let nowhere = refused(
        &mut local(repo.parent().join("nowhere")),
        Reason::RepositoryNotFound,
    )
    .await;
    assert!(nowhere.contains("does not exist"), "{nowhere}");
}

#[tokio::test]
async fn partial_clone_says_that_it_cannot_be_read() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    git(repo.path(), &["config", "uploadpack.allowFilter", "true"]);
    let partial = repo.parent().join("partial");
    let url = format!("file://{}", repo.path().display());
    git(
        repo.parent(),
        &[
            "clone",
            "-q",
            "--bare",
            "--filter=blob:none",
            &url,
            partial.to_str().unwrap(),
        ],
    );
    let message = refused(&mut local(&partial), Reason::RepositoryUnreadable).await;
    assert!(message.contains("--filter"), "{message}");
}

#[tokio::test]
async fn repository_of_another_object_format_says_so() {
    let folder = tempfile::tempdir().unwrap();
    git(
        folder.path(),
        &["init", "-q", "--bare", "--object-format=sha256", "repo.git"],
    );
    let message = refused(
        &mut local(folder.path().join("repo.git")),
        Reason::RepositoryUnreadable,
    )
    .await;
    assert!(message.contains("sha256"), "{message}");
}

#[test]
fn file_system_that_hangs_holds_up_neither_the_call_nor_the_end() {
    let repo = beads();
    // Whoever opens a pipe to read waits until somebody opens it to write, which is never.
    fs::remove_file(repo.path().join("config")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(repo.path().join("config"))
            .status()
            .unwrap()
            .success()
    );
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut repository = Repository::open(Source {
            timeout: Duration::from_millis(10),
            ..in_place(repo.path())
        });
        for _ in 0..5 {
            let message = refused(&mut repository, Reason::TimedOut).await;
            assert!(message.contains("did not answer within 100ms"), "{message}");
        }
    });
    drop(runtime);
    assert!(started.elapsed() < SOON);
}
