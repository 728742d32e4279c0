//! What becomes of changes that others make to our objects.

use beadlet_sync::report::Outcome;
use serde_json::json;

use super::town::{Running, Town, issue, issues, outcome};

async fn mirrored_town(name: &str) -> (Town, Running, String) {
    let town = Town::new(name).await;
    let file = issues(0..3) + &issue("gt-x", json!({"labels": ["a"]}));
    let commit = town.commit(&file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.until_watching().await;
    (town, mirror, file)
}

/// Each way in which a person can spoil an object.
async fn spoil(town: &Town) {
    town.edit(
        "bead-gt-0",
        json!({"data": {"title": "edited", "extra": "x"}}),
    )
    .await;
    town.edit(
        "bead-gt-1",
        json!({"data": null, "metadata": {"annotations": null}}),
    )
    .await;
    town.edit(
        "bead-gt-x",
        json!({"metadata": {"labels": {"gastown.gastown.io/store": null, "bead-status": "closed", "bead-label/a": null, "bead-label/b": ""}}}),
    )
    .await;
    town.delete("bead-gt-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spoiled_objects_are_put_right_while_running() {
    let (town, mut mirror, file) = mirrored_town("drift-run").await;
    spoil(&town).await;
    town.eventually_shows(&file).await;
    let report = mirror
        .until("four objects are repaired", |r| r.totals.repaired >= 4)
        .await;
    assert_eq!(report.mirrored, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn spoiled_objects_are_put_right_after_a_stop() {
    let (town, mirror, file) = mirrored_town("drift-stop").await;
    mirror.stop().await;
    spoil(&town).await;
    let report = town.once().await;
    assert_eq!(outcome(&report), Outcome::Changed, "{report:#?}");
    town.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn object_that_lost_both_labels_is_found_again() {
    let (town, _mirror, file) = mirrored_town("drift-relabel").await;
    let labels =
        json!({"gastown.gastown.io/store": "elsewhere", "app.kubernetes.io/managed-by": "me"});
    town.edit("bead-gt-1", json!({"metadata": {"labels": labels}}))
        .await;
    town.eventually_shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_objects_deleted_at_once_come_back() {
    let town = Town::new("drift-all").await;
    let file = issues(0..300);
    let commit = town.commit(&file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.until_watching().await;
    town.api()
        .delete_collection(&Default::default(), &Default::default())
        .await
        .unwrap();
    town.eventually_shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn label_of_somebody_else_costs_a_look_and_no_write() {
    let (town, mut mirror, _) = mirrored_town("drift-foreign-label").await;
    let mark = town.mark().await;
    town.edit(
        "bead-gt-0",
        json!({"metadata": {"labels": {"team": "red"}}}),
    )
    .await;
    // The next change shows that the one before was dealt with.
    town.delete("bead-gt-1").await;
    mirror
        .until("the second is repaired", |r| r.totals.repaired == 1)
        .await;
    let requests = town.requests_since(mark).await;
    assert_eq!(requests.clone().writes().len(), 1, "{requests}");
    assert_eq!(
        town.bead("bead-gt-0").await.metadata.labels.unwrap()["team"],
        "red"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn immutable_object_is_made_again_when_its_issue_changes() {
    let (town, mut mirror, _) = mirrored_town("drift-immutable").await;
    let before = town.bead("bead-gt-0").await;
    town.edit("bead-gt-0", json!({"immutable": true})).await;
    let file = issue("gt-0", json!({"title": "edited"})) + &issues(1..3);
    let file = file + &issue("gt-x", json!({"labels": ["a"]}));
    let mark = town.mark().await;
    let commit = town.commit(&file);
    mirror.until_mirrored(&commit).await;
    town.shows(&file).await;
    let after = town.bead("bead-gt-0").await;
    assert_ne!(before.metadata.uid, after.metadata.uid);
    assert_eq!(after.immutable, None);
    let written = town.requests_since(mark).await.writes().successful();
    assert_eq!(written.len(), 2, "a deletion and a creation: {written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_of_an_object_under_another_name_is_left_alone() {
    let (town, mut mirror, file) = mirrored_town("drift-copy").await;
    let mut copy = serde_json::to_value(town.bead("bead-gt-1").await).unwrap();
    let meta = json!({"name": "copy-of-gt-1", "labels": copy["metadata"]["labels"], "annotations": copy["metadata"]["annotations"]});
    copy["metadata"] = meta;
    town.make(copy).await;
    let commit = town.commit(file.clone() + &issue("gt-new", json!({})));
    mirror.until_mirrored(&commit).await;
    assert!(town.api().get_opt("copy-of-gt-1").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_repaired_while_a_newer_commit_is_refused() {
    let (town, mut mirror, file) = mirrored_town("drift-refused").await;
    town.commit(format!("<<<<<<< HEAD\n{file}=======\n>>>>>>> other\n"));
    mirror
        .until_not_ready(beadlet_sync::condition::Reason::ConflictMarkers)
        .await;
    spoil(&town).await;
    town.eventually_shows(&file).await;
    mirror
        .until("four objects are repaired", |r| r.totals.repaired >= 4)
        .await;
    mirror
        .until_not_ready(beadlet_sync::condition::Reason::ConflictMarkers)
        .await;
}
