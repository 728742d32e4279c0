//! Fetching over http.

use beadlet_sync::git::{Reason, Repository, Source};

use super::served::{LOOK, Served};
use super::{ISSUES, line, read, refused, source, text, tip, unlocked};

#[tokio::test]
async fn commits_are_fetched_over_http() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    for id in ["gt-2", "gt-3"] {
        served.repo.commit("main", ISSUES, line(id));
        assert_eq!(text(&mut repository).await, line(id));
    }
}

#[tokio::test]
async fn unchanged_repository_costs_one_request_a_look() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    read(&mut repository).await.unwrap();
    let mark = served.server.seen().len();
    for _ in 0..3 {
        read(&mut repository).await.unwrap();
    }
    assert_eq!(served.asked(mark), [LOOK; 3]);
}

#[tokio::test]
async fn commit_that_is_in_the_clone_is_not_fetched_again_by_the_next_process() {
    let served = Served::plain();
    let mut first = Repository::open(served.source());
    read(&mut first).await.unwrap();
    drop(first);
    let mark = served.server.seen().len();
    let mut second = Repository::open(served.source());
    unlocked(&mut second).await;
    assert!(
        served.asked(mark).iter().all(|request| request == LOOK),
        "{:?}",
        served.asked(mark)
    );
}

#[tokio::test]
async fn force_push_to_unrelated_history_is_followed() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    served
        .repo
        .unrelated("main")
        .write(ISSUES, line("gt-9"))
        .commit("anew");
    assert_eq!(text(&mut repository).await, line("gt-9"));
    served
        .repo
        .unrelated("main")
        .write(ISSUES, line("gt-1"))
        .commit("back");
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn deleted_branch_is_an_error_until_it_comes_back() {
    let served = Served::plain();
    let mut repository = Repository::open(Source {
        branch: Some("main".to_owned()),
        ..served.source()
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    served.repo.commit("other", ISSUES, line("gt-other"));
    served.repo.delete_branch("main");
    let message = refused(&mut repository, Reason::BranchNotFound).await;
    assert!(message.contains("(there is other)"), "{message}");
    served.repo.commit("main", ISSUES, line("gt-2"));
    assert_eq!(text(&mut repository).await, line("gt-2"));
}

#[tokio::test]
async fn renamed_default_branch_is_followed_by_head() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    assert_eq!(tip(&mut repository).await.branch, "main");
    served.repo.rename_branch("main", "trunk");
    let message = refused(&mut repository, Reason::BranchNotFound).await;
    assert!(
        message.contains("HEAD") && message.contains("trunk"),
        "{message}"
    );
    served.repo.set_head("trunk");
    let tip = tip(&mut repository).await;
    assert_eq!(tip.branch, "trunk");
    assert_eq!(repository.fetch(&tip).await.unwrap().file, line("gt-1"));
}

#[tokio::test]
async fn branch_that_the_tracker_names_is_read_and_dolt_data_seen() {
    let served = Served::plain();
    served.repo.commit("tracker", ISSUES, line("gt-tracker"));
    let commit = served
        .repo
        .commit("main", ".beads/config.yaml", "sync-branch: tracker\n");
    served.repo.set_reference("refs/dolt/data", &commit);
    let mut repository = Repository::open(served.source());
    let snapshot = read(&mut repository).await.unwrap();
    assert_eq!((snapshot.branch.as_str(), snapshot.dolt), ("tracker", true));
    assert_eq!(snapshot.file, line("gt-tracker"));
    let mark = served.server.seen().len();
    read(&mut repository).await.unwrap();
    assert_eq!(served.asked(mark), [LOOK]);
}

#[tokio::test]
async fn empty_repository_and_one_that_is_not_there_are_told_apart() {
    let served = Served::plain();
    served.repo.delete_branch("main");
    refused(
        &mut Repository::open(served.source()),
        Reason::RepositoryEmpty,
    )
    .await;
    let url = format!("{}/nowhere.git", served.server.base());
    refused(
        &mut Repository::open(source(&url, served.cache.path())),
        Reason::RepositoryNotFound,
    )
    .await;
}

#[tokio::test]
async fn branch_that_moves_between_look_and_fetch_is_read_where_it_is() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    let before = tip(&mut repository).await;
    drop(repository);
    let mut repository = Repository::open(Source {
        branch: Some("main".to_owned()),
        ..served.source()
    });
    let cache = tempfile::tempdir().unwrap();
    let mut fresh = Repository::open(Source {
        cache_dir: cache.path().to_owned(),
        ..served.source()
    });
    served.repo.commit("main", ISSUES, line("gt-2"));
    let snapshot = fresh.fetch(&before).await.unwrap();
    assert_eq!(Some(snapshot.commit.to_string()), served.repo.head("main"));
    assert_eq!(snapshot.file, line("gt-2"));
    unlocked(&mut repository).await;
    // The commit that is here is read as it was asked for.
    assert_eq!(repository.fetch(&before).await.unwrap().file, line("gt-1"));
}
