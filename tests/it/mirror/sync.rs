//! What a commit becomes, and what it costs.

use std::fs;
use std::path::Path;

use beadlet_store::reader::read;
use beadlet_sync::report::Outcome;
use beadlet_sync::settings::RejectedLines;
use serde_json::json;

use super::town::{Town, issue, issues, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn every_issue_of_a_commit_becomes_a_labelled_configmap() {
    let town = Town::new("sync-new").await;
    let blocked = json!({"dependencies": [{"issue_id": "gt-2", "depends_on_id": "gt-1", "type": "blocks"}], "labels": ["gt:owned"]});
    let file = issue("gt-1", json!({}))
        + &issue("gt-2", blocked)
        + &issue("gt-3", json!({"status": "closed"}));
    town.commit(&file);
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Changed);
    assert_eq!(
        (
            report.contents.issues,
            report.contents.ready,
            report.mirrored
        ),
        (3, 1, 3)
    );
    town.shows(&file).await;
    assert_eq!(
        town.selected("bead-status=open").await,
        ["bead-gt-1", "bead-gt-2"]
    );
    assert_eq!(town.selected("bead-ready=true").await, ["bead-gt-1"]);
    assert_eq!(town.selected("bead-label/gt.owned").await, ["bead-gt-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_write_is_made_for_each_changed_configmap() {
    let town = Town::new("sync-k").await;
    let commit = town.commit(issues(0..40));
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.until_watching().await;
    // Two edited, one new, one deleted, one that becomes ready because its blocker is closed, which is an edit as well.
    let blocked =
        json!({"dependencies": [{"issue_id": "gt-5", "depends_on_id": "gt-4", "type": "blocks"}]});
    let before = issues(0..5) + &issue("gt-5", blocked.clone()) + &issues(6..40);
    let commit = town.commit(&before);
    mirror.until_mirrored(&commit).await;
    let mark = town.mark().await;
    let after = issue("gt-0", json!({"title": "edited"}))
        + &issue("gt-1", json!({"labels": ["x"]}))
        + &issues(2..4)
        + &issue("gt-4", json!({"status": "closed"}))
        + &issue("gt-5", blocked)
        + &issues(6..39)
        + &issue("gt-99", json!({}));
    let commit = town.commit(&after);
    mirror.until_mirrored(&commit).await;
    let requests = town.requests_since(mark).await;
    let count = |verb| requests.clone().verb(verb).len();
    assert_eq!(
        (count("create"), count("patch"), count("delete")),
        (1, 4, 1),
        "{requests}"
    );
    assert_eq!(requests.len(), 6, "{requests}");
    town.shows(&after).await;
    mirror.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pass_that_finds_nothing_to_change_makes_no_request() {
    let town = Town::new("sync-noop").await;
    let commit = town.commit(issues(0..30));
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.until_watching().await;
    let mark = town.mark().await;
    // Another commit with the same issues, and one of another file.
    let commit = town.repo.commit("main", "README.md", "hello");
    mirror.until_mirrored(&commit).await;
    let commit = town
        .repo
        .on("main")
        .write("src/main.rs", "fn main() {}")
        .commit("code");
    let report = mirror.until_mirrored(&commit).await;
    assert_eq!(outcome(&report), Outcome::Unchanged);
    assert_eq!(report.last_pass.unwrap().unchanged, 30);
    let requests = town.requests_since(mark).await;
    assert!(requests.is_empty(), "{requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_makes_no_write() {
    let town = Town::new("sync-restart").await;
    let file = issues(0..30);
    let commit = town.commit(&file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.stop().await;
    let mark = town.mark().await;
    let mut mirror = town.start();
    let report = mirror.until_mirrored(&commit).await;
    assert_eq!(outcome(&report), Outcome::Unchanged);
    let requests = town.requests_since(mark).await;
    assert!(requests.clone().writes().is_empty(), "{requests}");
    assert!(
        requests.len() <= 2,
        "a start lists, and does no more: {requests}"
    );
    town.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_annotations_that_are_not_wanted_any_more_go() {
    let town = Town::new("sync-labels").await;
    let blocked = json!({"labels": ["a", "b"], "dependencies": [{"issue_id": "gt-1", "depends_on_id": "gt-2", "type": "blocks"}]});
    town.commit(issue("gt-1", blocked) + &issue("gt-2", json!({})));
    let mut mirror = town.start();
    mirror.until("first", |r| r.first_good_pass).await;
    town.edit(
        "bead-gt-1",
        json!({"metadata": {"labels": {"team": "red"}, "annotations": {"note": "mine"}}}),
    )
    .await;
    let file = issue("gt-1", json!({"labels": ["b"]})) + &issue("gt-2", json!({}));
    let commit = town.commit(&file);
    mirror.until_mirrored(&commit).await;
    let meta = town.bead("bead-gt-1").await.metadata;
    let (labels, annotations) = (meta.labels.unwrap(), meta.annotations.unwrap());
    assert!(!labels.contains_key("bead-label/a"));
    assert!(labels.contains_key("bead-label/b"));
    assert_eq!(labels["team"], "red", "what others set stays");
    assert_eq!(annotations["note"], "mine");
    assert!(!annotations.contains_key("gastown.gastown.io/blocked-by"));
    assert_eq!(labels["bead-ready"], "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn deferred_issue_becomes_ready_when_its_time_has_come() {
    let town = Town::new("sync-defer").await;
    let soon = jiff::Timestamp::now() + std::time::Duration::from_secs(10);
    let file = issue("gt-1", json!({"defer_until": soon.to_string()})) + &issue("gt-2", json!({}));
    let commit = town.commit(file);
    let mut mirror = town.start();
    let report = mirror.until_mirrored(&commit).await;
    assert_eq!(report.contents.ready, 1);
    assert!(report.next_change.is_some());
    let report = mirror
        .until("the issue is ready", |report| report.contents.ready == 2)
        .await;
    assert_eq!(report.last_pass.unwrap().writes.updated, 1);
    assert_eq!(
        town.selected("bead-ready=true").await,
        ["bead-gt-1", "bead-gt-2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_issue_is_taken_out_when_it_has_been_closed_for_long_enough() {
    let town = Town::new("sync-retention").await;
    let closed = json!({"status": "closed", "closed_at": "2020-01-01T00:00:00Z"});
    let file: String = (0..30)
        .map(|n| issue(&format!("gt-{n}"), closed.clone()))
        .collect();
    let file = file + &issue("gt-open", json!({}));
    let commit = town.commit(&file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    // The retention is a person's own decision: no guard holds it back.
    mirror.change(|s| s.scope.closed_retention = Some(std::time::Duration::from_secs(3600)));
    let report = mirror
        .until("old issues are gone", |report| report.mirrored == 1)
        .await;
    assert_eq!(report.contents.retired, 30);
    assert_eq!(town.names().await, ["bead-gt-open"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_mirror_does_nothing_until_it_is_resumed() {
    let town = Town::new("sync-suspend").await;
    let commit = town.commit(issues(0..3));
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.change(|s| s.suspend = true);
    mirror
        .until_not_ready(beadlet_sync::condition::Reason::Suspended)
        .await;
    let mark = town.mark().await;
    let commit = town.commit(issues(0..4));
    town.delete("bead-gt-1").await;
    town.commit(issues(0..5));
    mirror.puller.pull(beadlet_sync::triggers::Trigger::Poke);
    assert!(town.requests_since(mark).await.is_empty());
    assert!(!town.names().await.contains(&"bead-gt-3".to_owned()));
    drop(commit);
    mirror.change(|s| s.suspend = false);
    town.eventually_shows(issues(0..5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_ids_have_configmaps_of_their_own() {
    let town = Town::new("sync-ids").await;
    let long = "x".repeat(250);
    let ids = [
        "gt-A",
        "gt-a",
        "gt_a",
        "SEC-2sl.7",
        "beads_rust-q1d9",
        "gt-ü",
        "-",
        "a b/c:d",
        "日本-1",
        &long,
        "gt-1.",
    ];
    let file: String = ids.iter().map(|id| issue(id, json!({}))).collect();
    town.commit(&file);
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Changed, "{report:#?}");
    assert_eq!(town.names().await.len(), ids.len());
    town.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn line_of_two_mebibytes_is_shortened_and_says_so() {
    let town = Town::new("sync-large").await;
    let file =
        issue("gt-1", json!({"description": "x".repeat(2 << 20)})) + &issue("gt-2", json!({}));
    town.commit(&file);
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Changed, "{report:#?}");
    town.shows(&file).await;
    let annotations = town.bead("bead-gt-1").await.metadata.annotations.unwrap();
    assert_eq!(
        annotations["gastown.gastown.io/shortened-fields"],
        "description"
    );
    let mark = town.mark().await;
    assert_eq!(outcome(&town.once().await), Outcome::Unchanged);
    assert!(town.requests_since(mark).await.writes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_corpus_file_is_mirrored_as_it_stands_in_git() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    for path in files {
        corpus_file_is_mirrored(&path).await;
    }
}

async fn corpus_file_is_mirrored(path: &Path) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let town = Town::new("corpus").await;
    let file = fs::read(path).unwrap();
    town.commit(&file);
    let mut settings = town.settings();
    settings.rejected_lines = RejectedLines::Skip;
    let report = town.once_with(settings.clone()).await;
    if read(&file).is_err() {
        assert_eq!(outcome(&report), Outcome::Failed, "{name}");
        assert_eq!(town.names().await, Vec::<String>::new(), "{name}");
        return;
    }
    assert_ne!(outcome(&report), Outcome::Failed, "{name}: {report:#?}");
    town.shows(&file).await;
    let mark = town.mark().await;
    assert_eq!(
        outcome(&town.once_with(settings).await),
        Outcome::Unchanged,
        "{name}"
    );
    assert!(
        town.requests_since(mark).await.writes().is_empty(),
        "{name}"
    );
}
