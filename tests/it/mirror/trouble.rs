//! What the mirror does when the cluster is not as it should be.

use std::time::Duration;

use beadlet_store::cluster::FaultReason;
use beadlet_sync::condition::{ConditionType, Reason};
use beadlet_sync::report::Outcome;
use beadlet_sync::triggers::Trigger;
use beadlet_testbed::{Fault, FaultProxy, On, eventually};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{from_value, json};

use super::town::{SOON, Town, complaint, issue, issues, outcome};

#[tokio::test(flavor = "multi_thread")]
async fn foreign_configmap_under_our_name_is_never_touched() {
    let town = Town::new("trouble-foreign").await;
    town.make(json!({"metadata": {"name": "bead-gt-1", "labels": {"mine": "yes"}}, "data": {"mine": "yes"}})).await;
    let before = town.bead("bead-gt-1").await;
    let commit = town.commit(issues(0..3));
    let mut mirror = town.start();
    let report = mirror.until_mirrored(&commit).await;
    assert_eq!(report.foreign.first, ["bead-gt-1"]);
    assert!(report.conditions.is_true(ConditionType::NamesTaken));
    let message = &report
        .conditions
        .find(ConditionType::NamesTaken)
        .unwrap()
        .message;
    assert!(
        message.contains("bead-gt-1") && message.contains("rename or delete"),
        "{message}"
    );
    assert_eq!(town.bead("bead-gt-1").await, before);
    // The issue goes, the object stays.
    let commit = town.commit(issue("gt-0", json!({})) + &issues(2..3));
    let report = mirror.until_mirrored(&commit).await;
    assert_eq!(town.bead("bead-gt-1").await, before);
    assert_eq!(report.mirrored, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn name_that_was_freed_is_used_when_a_person_asks() {
    let town = Town::new("trouble-freed").await;
    town.make(json!({"metadata": {"name": "bead-gt-1"}, "data": {"mine": "yes"}}))
        .await;
    let file = issues(0..3);
    let commit = town.commit(&file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    town.delete("bead-gt-1").await;
    mirror.puller.pull(Trigger::Poke);
    let report = mirror
        .until("no name is taken", |r| {
            !r.conditions.is_true(ConditionType::NamesTaken)
        })
        .await;
    assert_eq!(report.foreign.total, 0);
    town.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_quota_holds_up_creations_only_and_is_waited_for() {
    let town = Town::new("trouble-quota").await;
    town.commit(issues(0..5));
    town.once().await;
    let quotas: Api<ResourceQuota> = town.namespace.api();
    let quota = json!({"metadata": {"name": "few"}, "spec": {"hard": {"count/configmaps": "8"}}});
    quotas
        .create(&PostParams::default(), &from_value(quota).unwrap())
        .await
        .unwrap();
    eventually(SOON, "the quota counts", async || {
        let quota = quotas.get("few").await.unwrap();
        quota
            .status
            .and_then(|s| s.used)
            .is_some_and(|used| used.contains_key("count/configmaps"))
    })
    .await;
    let file = issue("gt-0", json!({"title": "edited"})) + &issues(1..30);
    let commit = town.commit(&file);
    let mut mirror = town.start();
    let condition = mirror
        .until_not_ready(Reason::Cluster(FaultReason::QuotaExceeded))
        .await;
    assert!(condition.message.contains("few"), "{}", condition.message);
    assert!(mirror.report().conditions.is_true(ConditionType::Stalled));
    assert_eq!(
        town.bead("bead-gt-0").await.data.unwrap()["title"],
        "edited"
    );
    quotas
        .delete("few", &DeleteParams::default())
        .await
        .unwrap();
    mirror.until_mirrored(&commit).await;
    town.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespace_that_is_being_deleted_is_left_alone() {
    let town = Town::new("trouble-terminating").await;
    town.make(json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}))
        .await;
    town.commit(issues(0..3));
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(town.namespace.client());
    namespaces
        .delete(town.namespace.name(), &DeleteParams::default())
        .await
        .unwrap();
    let report = town.once().await;
    let message = complaint(&report, Reason::Cluster(FaultReason::NamespaceTerminating));
    assert!(message.contains(town.namespace.name()), "{message}");
    town.edit("held", json!({"metadata": {"finalizers": null}}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespace_that_is_missing_is_named() {
    let town = Town::new("trouble-missing").await;
    town.commit(issues(0..3));
    let mut settings = town.settings();
    settings.scope.namespace = "nowhere-at-all".into();
    let report = town.once_with(settings).await;
    let message = complaint(&report, Reason::Cluster(FaultReason::NamespaceMissing));
    assert!(message.contains("nowhere-at-all"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_permission_is_named_with_its_verb() {
    let town = Town::new("trouble-rbac").await;
    town.commit(issues(0..3));
    let nobody = town.namespace.testbed().client_as("nobody", &[]);
    let report = beadlet_sync::mirror::Mirror::new(nobody, town.settings())
        .once()
        .await;
    let message = complaint(&report, Reason::Cluster(FaultReason::Forbidden));
    assert!(
        message.contains("list configmaps in namespace"),
        "{message}"
    );
    assert!(report.conditions.is_true(ConditionType::Stalled));
}

#[tokio::test(flavor = "multi_thread")]
async fn object_that_a_finalizer_keeps_is_made_again_when_it_is_gone() {
    let town = Town::new("trouble-finalizer").await;
    let file = issues(0..3);
    let commit = town.commit(&file);
    let mut mirror = town.start();
    mirror.until_mirrored(&commit).await;
    mirror.until_watching().await;
    town.edit(
        "bead-gt-1",
        json!({"metadata": {"finalizers": ["example.com/hold"]}}),
    )
    .await;
    town.delete("bead-gt-1").await;
    mirror.until_not_ready(Reason::ObjectsTerminating).await;
    town.edit("bead-gt-1", json!({"metadata": {"finalizers": null}}))
        .await;
    mirror.until_mirrored(&commit).await;
    town.eventually_shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_that_is_cut_misses_nothing() {
    let town = Town::new("trouble-cut").await;
    let proxy = FaultProxy::start(&town.user);
    let file = issues(0..5);
    let commit = town.commit(&file);
    let mut mirror = town.start_with(proxy.client().await, town.settings());
    mirror.until_mirrored(&commit).await;
    mirror.until_watching().await;
    proxy.cut_watches();
    town.delete("bead-gt-1").await;
    town.eventually_shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_whose_version_is_too_old_misses_nothing() {
    let town = Town::new("trouble-410").await;
    let proxy = FaultProxy::start(&town.user);
    let file = issues(0..5);
    let commit = town.commit(&file);
    // The first watch is closed at once, and the next is told that it is too late.
    proxy.rule(On::verb("watch").nth(1), Fault::CutAfterLines(0));
    let too_old = proxy.rule(On::verb("watch").nth(1), Fault::TooOld);
    let mut mirror = town.start_with(proxy.client().await, town.settings());
    mirror.until_mirrored(&commit).await;
    town.delete("bead-gt-1").await;
    town.edit("bead-gt-2", json!({"data": {"title": "edited"}}))
        .await;
    town.eventually_shows(&file).await;
    assert_eq!(too_old.held(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_that_is_always_cut_does_not_become_a_storm() {
    let town = Town::new("trouble-storm").await;
    let proxy = FaultProxy::start(&town.user);
    proxy.rule(On::verb("watch"), Fault::CutAfterLines(0));
    let commit = town.commit(issues(0..5));
    let start = std::time::Instant::now();
    let mut mirror = town.start_with(proxy.client().await, town.settings());
    mirror.until_mirrored(&commit).await;
    mirror
        .until("the watch was opened a few times", |r| {
            r.totals.watch_restarts >= 4
        })
        .await;
    // 200, 400 and 800 ms lie between four watches, less a quarter by chance.
    assert!(
        start.elapsed() > Duration::from_millis(1000),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_requests_and_answers_make_no_second_write() {
    let town = Town::new("trouble-lost").await;
    let proxy = FaultProxy::start(&town.user);
    town.commit(issues(0..10));
    town.once().await;
    proxy.rule(On::verb("create").times(2), Fault::DropAnswer);
    proxy.rule(On::verb("patch").times(2), Fault::DropAnswer);
    proxy.rule(On::verb("delete").times(1), Fault::DropAnswer);
    proxy.rule(On::verb("patch").times(1), Fault::DropRequest);
    proxy.rule(On::verb("create").times(1), Fault::status(500));
    let edited: String = (0..4)
        .map(|n| issue(&format!("gt-{n}"), json!({"title": "edited"})))
        .collect();
    let file = edited + &issues(4..8) + &issues(20..24);
    town.commit(&file);
    let mark = town.mark().await;
    let mut mirror = beadlet_sync::mirror::Mirror::new(proxy.client().await, town.settings());
    let report = mirror.once().await;
    assert_eq!(outcome(&report), Outcome::Changed, "{report:#?}");
    town.shows(&file).await;
    let done = town.requests_since(mark).await.writes().successful();
    assert_eq!(done.len(), 4 + 4 + 2, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_too_busy_is_given_the_time_it_asks_for() {
    let town = Town::new("trouble-429").await;
    let proxy = FaultProxy::start(&town.user);
    proxy.rule(
        On::verb("create").times(3),
        Fault::too_many_requests(Duration::from_secs(1)),
    );
    let file = issues(0..10);
    town.commit(&file);
    let start = std::time::Instant::now();
    let mut mirror = beadlet_sync::mirror::Mirror::new(proxy.client().await, town.settings());
    assert_eq!(outcome(&mirror.once().await), Outcome::Changed);
    assert!(start.elapsed() >= Duration::from_secs(1));
    town.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn object_that_is_refused_is_named_and_the_others_are_mirrored() {
    let town = Town::new("trouble-refused").await;
    let proxy = FaultProxy::start(&town.user);
    proxy.rule(On::verb("create").nth(1), Fault::status(422));
    town.commit(issues(0..10));
    let mut mirror = beadlet_sync::mirror::Mirror::new(proxy.client().await, town.settings());
    let report = mirror.once().await;
    let message = complaint(&report, Reason::ObjectsFailed);
    assert_eq!(report.failures.total, 1);
    assert!(
        message.contains(&report.failures.first[0].name),
        "{message}"
    );
    assert_eq!(town.names().await.len(), 9);
}
