//! Nothing is lost to a bad file.

use beadlet_sync::condition::{ConditionType, Reason};
use beadlet_sync::report::Outcome;
use beadlet_sync::settings::RejectedLines;
use serde_json::json;

use super::town::{ISSUES, Running, Town, complaint, issue, issues, outcome};

async fn mirrored_town(name: &str, file: &str) -> (Town, Running) {
    let town = Town::new(name).await;
    let commit = town.commit(file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    (town, mirror)
}

/// A bad commit changes nothing, says why, and a good one after it is mirrored.
async fn is_refused(name: &str, bad: impl AsRef<[u8]>, reason: Reason) -> String {
    let good = issues(0..30);
    let (town, mut mirror) = mirrored_town(name, &good).await;
    let mark = town.mark().await;
    town.commit(bad);
    let condition = mirror.until_not_ready(reason).await;
    let report = mirror.report();
    assert!(
        report.conditions.is_true(ConditionType::Stalled),
        "{report:#?}"
    );
    assert!(report.behind_since.is_some());
    let requests = town.requests_since(mark).await;
    assert!(requests.is_empty(), "{requests}");
    town.shows(&good).await;
    // The same after a restart: then the cluster is the only memory.
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Failed);
    town.shows(&good).await;
    let after = issues(0..31);
    let commit = town.commit(&after);
    let report = mirror.until_mirrored(&commit).await;
    assert!(!report.conditions.is_true(ConditionType::Stalled));
    assert_eq!(report.behind_since, None);
    town.shows(&after).await;
    condition.message
}

#[tokio::test(flavor = "multi_thread")]
async fn conflict_markers_keep_the_last_good_state() {
    let file = issues(0..10)
        + "<<<<<<< HEAD\n"
        + &issues(10..20)
        + "=======\n"
        + &issues(20..30)
        + ">>>>>>> other\n";
    let message = is_refused("guard-conflict", file, Reason::ConflictMarkers).await;
    assert!(message.contains("11, 22, 33"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_tail_keeps_the_last_good_state() {
    let file = issues(0..30);
    let message = is_refused(
        "guard-tail",
        &file[..file.len() - 40],
        Reason::LinesRejected,
    )
    .await;
    assert!(message.contains("line 30"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_file_keeps_the_last_good_state() {
    let message = is_refused("guard-empty", "", Reason::EmptyFile).await;
    assert!(
        message.contains("gastown.gastown.io/allow-delete="),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_of_more_than_a_fifth_waits_for_a_person() {
    let message = is_refused("guard-20", issues(0..19), Reason::TooManyDeletions).await;
    assert!(
        message.contains("would delete 11 of 30 issues"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lfs_pointer_keeps_the_last_good_state() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    is_refused("guard-lfs", pointer, Reason::LfsPointer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_path_and_missing_branch_keep_the_last_good_state() {
    let good = issues(0..5);
    let (town, mut mirror) = mirrored_town("guard-path", &good).await;
    town.repo.on("main").remove(ISSUES).commit("gone");
    mirror
        .until_not_ready(Reason::Source(beadlet_sync::git::Reason::PathNotFound))
        .await;
    town.shows(&good).await;
    let commit = town.commit(issues(0..6));
    mirror.until_mirrored(&commit).await;
    town.repo.delete_branch("main");
    mirror
        .until("the branch is missed", |r| {
            !r.conditions.is_true(ConditionType::Ready)
        })
        .await;
    town.shows(issues(0..6)).await;
    let commit = town.commit(issues(0..7));
    mirror.until_mirrored(&commit).await;
    town.shows(issues(0..7)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn person_lets_the_deletions_of_a_commit_through() {
    let (town, mut mirror) = mirrored_town("guard-allow", &issues(0..30)).await;
    let commit = town.commit(issues(0..2));
    mirror.until_not_ready(Reason::TooManyDeletions).await;
    assert!(
        mirror
            .report()
            .conditions
            .is_true(ConditionType::DeletionsHeld)
    );
    mirror.change(|s| s.allow_delete = Some(commit[..12].to_owned()));
    let report = mirror.until_mirrored(&commit).await;
    assert!(!report.conditions.is_true(ConditionType::DeletionsHeld));
    town.shows(issues(0..2)).await;
    // The next commit is not covered by it.
    town.commit("");
    mirror.until_not_ready(Reason::EmptyFile).await;
    town.shows(issues(0..2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_delete_their_issues() {
    let (town, mut mirror) = mirrored_town("guard-tombstone", &issues(0..5)).await;
    let file = issue("gt-0", json!({"status": "tombstone"})) + &issues(1..5);
    let commit = town.commit(&file);
    mirror.until_mirrored(&commit).await;
    assert!(!town.names().await.contains(&"bead-gt-0".to_owned()));
    town.shows(file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn skipped_line_costs_no_issue() {
    let town = Town::new("guard-skip").await;
    town.commit(issues(0..5));
    let mut settings = town.settings();
    settings.rejected_lines = RejectedLines::Skip;
    let mut mirror = town.start_with(town.user.client(), settings);
    mirror.until("first", |r| r.first_good_pass).await;
    // gt-1 is broken, gt-2 is gone, gt-3 is edited: only the edit is believed.
    let broken = issue("gt-0", json!({}))
        + "{\"id\":\"gt-1\",\n"
        + &issue("gt-3", json!({"title": "edited"}))
        + &issue("gt-4", json!({}));
    let commit = town.commit(broken);
    let report = mirror.until_mirrored(&commit).await;
    assert_eq!(
        (report.rejected.total, report.rejected.first[0].line),
        (1, 2)
    );
    assert!(report.conditions.is_true(ConditionType::LinesRejected));
    assert_eq!(town.names().await.len(), 5);
    assert_eq!(
        town.bead("bead-gt-3").await.data.unwrap()["title"],
        "edited"
    );
    let commit = town.commit(issues(0..2) + &issues(3..5));
    let report = mirror.until_mirrored(&commit).await;
    assert!(!report.conditions.is_true(ConditionType::LinesRejected));
    assert_eq!(town.names().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn force_push_to_unrelated_history_is_a_commit_like_any_other() {
    let (town, mut mirror) = mirrored_town("guard-force", &issues(0..5)).await;
    let file = issues(2..8);
    let commit = town
        .repo
        .unrelated("main")
        .write(ISSUES, &file)
        .commit("forced");
    mirror.until_mirrored(&commit).await;
    town.shows(file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branch_that_goes_back_is_mirrored_as_it_was() {
    let (town, mut mirror) = mirrored_town("guard-back", &issues(0..30)).await;
    let good = town.repo.head("main").unwrap();
    town.commit(issues(0..3));
    mirror.until_not_ready(Reason::TooManyDeletions).await;
    town.repo.set_reference("refs/heads/main", &good);
    mirror.until_mirrored(&good).await;
    town.shows(issues(0..30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_of_an_empty_new_tracker_is_ready() {
    let town = Town::new("guard-new").await;
    town.commit("");
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Unchanged);
    assert!(report.first_good_pass);
}

#[tokio::test(flavor = "multi_thread")]
async fn repository_that_is_not_there_is_named() {
    let town = Town::new("guard-norepo").await;
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Failed);
    let gone = beadlet_sync::git::Reason::RepositoryEmpty;
    let message = complaint(&report, Reason::Source(gone));
    assert!(!message.is_empty());
}
