//! Commits to the issue file: in place, over http and over ssh, and when somebody else is faster.

use beadlet_sync::git::{Author, Published, Reason, Repository, Revision, Source};
use beadlet_testbed::git::GitRepo;
use beadlet_testbed::git::ssh::HostKey;

use super::served::{Served, password};
use super::{ISSUES, beads, line, read, source, ssh, text};

fn revision(file: &str) -> Revision {
    Revision {
        file: file.as_bytes().to_vec(),
        author: Author {
            name: "beadlet".to_owned(),
            email: "beadlet@example.com".to_owned(),
        },
        at: "2026-03-01T10:00:00Z".parse().unwrap(),
        message: "beads: close gt-1\n\nclose gt-1 (rig/polecats/nux)\n".to_owned(),
    }
}

fn in_place(repo: &GitRepo) -> Source {
    source(&repo.url(), std::path::Path::new("/nowhere"))
}

/// Commits over what is there, and reads it again as the next pass does.
async fn commits(repo: &GitRepo, source: Source) {
    repo.commit("main", "docs/readme.txt", "stays");
    let before = repo.head("main").unwrap();
    let mut repository = Repository::open(source);
    for id in ["gt-1", "gt-2"] {
        let base = read(&mut repository).await.unwrap();
        let published = repository.commit(&base, revision(&line(id))).await.unwrap();
        let head = repo.head("main").unwrap();
        assert_eq!(published, Published::At(head.parse().unwrap()));
        assert_eq!(text(&mut repository).await, line(id));
    }
    assert_eq!(repo.read("main", "docs/readme.txt").unwrap(), b"stays");
    let opened = repo.open();
    let commit = opened
        .revparse_single("main")
        .unwrap()
        .peel_to_commit()
        .unwrap();
    let parent = commit.parent(0).unwrap();
    assert_eq!(parent.parent_id(0).unwrap().to_string(), before);
    assert_eq!(commit.author().email().unwrap(), "beadlet@example.com");
    assert_eq!(commit.time().seconds(), 1_772_359_200);
    assert!(
        commit
            .message()
            .unwrap()
            .starts_with("beads: close gt-1\n\n")
    );
    // What arrived is whole.
    let mut odb_is_whole = true;
    let tree = commit.tree().unwrap();
    tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
        odb_is_whole &= opened.odb().unwrap().exists(entry.id());
        git2::TreeWalkResult::Ok
    })
    .unwrap();
    assert!(odb_is_whole);
}

#[tokio::test]
async fn local_repository_gets_the_commit_itself() {
    let repo = beads();
    commits(&repo, in_place(&repo)).await;
}

#[tokio::test]
async fn commit_is_pushed_over_http() {
    let served = Served::with_password();
    let source = Source {
        auth: password("secret"),
        ..served.source()
    };
    commits(&served.repo, source).await;
}

#[tokio::test]
async fn commit_is_pushed_over_ssh() {
    let served = ssh::Served::start(&[HostKey::Ed25519]);
    commits(&served.repo, served.source()).await;
}

#[tokio::test]
async fn commit_on_a_branch_that_moved_on_changes_nothing() {
    let served = Served::with_password();
    let pushed = Source {
        auth: password("secret"),
        ..served.source()
    };
    for source in [in_place(&served.repo), pushed] {
        let mut repository = Repository::open(source);
        let base = read(&mut repository).await.unwrap();
        let theirs = served.repo.commit("main", ISSUES, line("gt-7"));
        let published = repository
            .commit(&base, revision(&line("gt-8")))
            .await
            .unwrap();
        assert_eq!(published, Published::Moved);
        assert_eq!(served.repo.head("main").unwrap(), theirs);
        let base = read(&mut repository).await.unwrap();
        let published = repository
            .commit(&base, revision(&line("gt-8")))
            .await
            .unwrap();
        assert!(matches!(published, Published::At(_)), "{published:?}");
    }
}

#[tokio::test]
async fn branch_that_is_checked_out_is_left_alone() {
    let repo = GitRepo::with_work_tree();
    repo.commit("main", ISSUES, line("gt-1"));
    repo.set_head("main");
    let head = repo.head("main").unwrap();
    let mut repository = Repository::open(in_place(&repo));
    let base = read(&mut repository).await.unwrap();
    let published = repository
        .commit(&base, revision(&line("gt-2")))
        .await
        .unwrap();
    let Published::Refused(why) = published else {
        panic!("{published:?}")
    };
    assert!(why.contains("checked out"), "{why}");
    assert_eq!(repo.head("main").unwrap(), head);
}

#[tokio::test]
async fn person_who_may_only_read_is_told_so() {
    let served = Served::with_password();
    let mut repository = Repository::open(Source {
        auth: password("secret"),
        ..served.source()
    });
    let base = read(&mut repository).await.unwrap();
    let hook = served.repo.path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        "#!/bin/sh\necho this branch is protected >&2\nexit 1\n",
    )
    .unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let published = repository
        .commit(&base, revision(&line("gt-2")))
        .await
        .unwrap();
    let Published::Refused(why) = published else {
        panic!("{published:?}")
    };
    assert!(why.contains("this branch is protected"), "{why}");

    let mut wrong = Repository::open(Source {
        auth: password("wrong"),
        ..served.source()
    });
    let error = wrong
        .commit(&base, revision(&line("gt-2")))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticationFailed, "{error}");
}
