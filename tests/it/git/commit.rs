//! Commits to the issue file: in place, over http and over ssh, and when somebody else is faster.

use std::fs;

use beadlet_sync::git::{
    Author, Onto, Published, Reason, Repository, Revision, SigningKey, Source,
};
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
        signing_key: None,
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
        let published = repository
            .commit(&base, revision(&line(id)), Onto::Branch)
            .await
            .unwrap();
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
            .commit(&base, revision(&line("gt-8")), Onto::Branch)
            .await
            .unwrap();
        assert_eq!(published, Published::Moved);
        assert_eq!(served.repo.head("main").unwrap(), theirs);
        let base = read(&mut repository).await.unwrap();
        let published = repository
            .commit(&base, revision(&line("gt-8")), Onto::Branch)
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
        .commit(&base, revision(&line("gt-2")), Onto::Branch)
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
        .commit(&base, revision(&line("gt-2")), Onto::Branch)
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
        .commit(&base, revision(&line("gt-2")), Onto::Branch)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticationFailed, "{error}");
}

fn aside(old: Option<&str>) -> Onto {
    Onto::Aside {
        branch: "beadlet".to_owned(),
        old: old.map(|id| id.parse().unwrap()),
    }
}

#[tokio::test]
async fn branch_of_ours_is_made_and_moved_by_force_only_from_where_it_was_seen() {
    let served = Served::with_password();
    let pushed = Source {
        auth: password("secret"),
        ..served.source()
    };
    for (round, source) in [in_place(&served.repo), pushed].into_iter().enumerate() {
        let repo = &served.repo;
        let mut repository = Repository::open(source);
        if round == 0 {
            assert_eq!(repository.aside("beadlet", ISSUES).await.unwrap(), None);
        }
        let mut before = repo.head("beadlet");
        for id in ["gt-1", "gt-2"] {
            let main = repo.commit("main", ISSUES, line(&format!("{id}{round}")));
            let base = read(&mut repository).await.unwrap();
            let stale = aside(Some(&main));
            let published = repository
                .commit(&base, revision(&line(id)), stale)
                .await
                .unwrap();
            assert_eq!(published, Published::Moved);
            let seen = aside(before.as_deref());
            let published = repository
                .commit(&base, revision(&line(id)), seen)
                .await
                .unwrap();
            let head = repo.head("beadlet").unwrap();
            assert_eq!(published, Published::At(head.parse().unwrap()));
            let held = repository.aside("beadlet", ISSUES).await.unwrap().unwrap();
            assert_eq!(
                (held.commit.to_string(), held.parent),
                (head.clone(), Some(main.parse().unwrap()))
            );
            assert_eq!(held.file.unwrap(), line(id).as_bytes());
            assert_eq!(repo.head("main").unwrap(), main, "what is read stays");
            before = Some(head);
        }
    }
}

/// Runs a program over a repository, which must end well. Gives what it said, all of it.
fn said(program: &str, arguments: &[&str], repo: &GitRepo) -> String {
    let output = std::process::Command::new(program)
        .args(arguments)
        .current_dir(repo.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// A signature of ours is one for git, by the key of that type.
async fn signs(kind: &[&str]) {
    let (repo, keys) = (beads(), tempfile::tempdir().unwrap());
    let key = keys.path().join("key");
    let file = key.to_str().unwrap();
    let arguments = ["-q", "-N", "", "-C", "beadlet", "-f", file];
    said("ssh-keygen", &[&arguments[..], kind].concat(), &repo);
    let signing_key = SigningKey::parse(&fs::read(&key).unwrap()).unwrap();
    let mut repository = Repository::open(in_place(&repo));
    let base = read(&mut repository).await.unwrap();
    let signed = Revision {
        signing_key: Some(signing_key),
        message: "beads: close gt-1\n\nclose gt-1 – with an é\n".to_owned(),
        ..revision(&line("gt-2"))
    };
    let published = repository.commit(&base, signed, Onto::Branch).await;
    assert!(matches!(published.unwrap(), Published::At(_)));

    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let allowed = keys.path().join("allowed");
    fs::write(&allowed, format!("beadlet@example.com {public}")).unwrap();
    let trusting = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    let git = |arguments: &[&str]| {
        let safe = ["-c", "safe.directory=*", "-c", &trusting];
        said("git", &[&safe[..], arguments].concat(), &repo)
    };
    let verdict = git(&["verify-commit", "main"]);
    assert!(
        verdict.contains("Good \"git\" signature for beadlet@example.com"),
        "{verdict}"
    );
    assert_eq!(git(&["log", "-1", "--format=%G?", "main"]).trim(), "G");
    git(&["fsck", "--strict"]);
    assert_eq!(text(&mut repository).await, line("gt-2"));
}

#[tokio::test]
async fn git_itself_takes_our_signatures_for_good() {
    signs(&["-t", "ed25519"]).await;
    signs(&["-t", "ecdsa", "-b", "256"]).await;
    signs(&["-t", "ecdsa", "-b", "384"]).await;
}

#[test]
fn key_that_cannot_sign_here_is_refused_by_its_type() {
    let (repo, keys) = (beads(), tempfile::tempdir().unwrap());
    let key = keys.path().join("key");
    let file = key.to_str().unwrap();
    let arguments = ["-q", "-N", "", "-t", "rsa", "-b", "2048", "-f", file];
    said("ssh-keygen", &arguments, &repo);
    let error = SigningKey::parse(&fs::read(&key).unwrap()).unwrap_err();
    assert!(error.to_string().contains("ssh-rsa"), "{error}");
}
