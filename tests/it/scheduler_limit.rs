//! The limit holds in every instant, and every attempt has one Job, ever: whatever fails, whenever.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use beadlet_store::kinds::PolecatPhase;
use beadlet_testbed::{
    FaultProxy, eventually,
    fault::{Fault, On},
};
use futures::future::join_all;
use kube::api::ListParams;
use serde_json::json;

use super::{
    scheduler_history::History,
    scheduler_town::{Controller, End, SOON, Town},
};

/// Waits until so many Polecats are done, and none is anything else.
async fn all_done(town: &Town, beads: usize, at_most: Duration) {
    let api = town.polecats();
    eventually(
        at_most,
        &format!("all {beads} polecats are done"),
        async || {
            let polecats = api
                .list(&ListParams::default())
                .await
                .map_err(|error| error.to_string())?
                .items;
            let phase = |polecat: &beadlet_store::kinds::Polecat| {
                polecat.status.as_ref().and_then(|status| status.phase)
            };
            let done = polecats
                .iter()
                .filter(|polecat| phase(polecat) == Some(PolecatPhase::Done))
                .count();
            if done == beads && polecats.len() == beads {
                Ok(())
            } else {
                Err(format!("{done} of {} are done", polecats.len()))
            }
        },
    )
    .await;
}

/// What must hold of every town, whatever happened to it.
async fn check(town: &Town, beads: usize, limit: usize) {
    let history = History::of(town).await;
    assert!(
        history.most_at_once() <= limit,
        "{} Jobs at once, the limit is {limit}",
        history.most_at_once()
    );
    let creations = history.creations();
    assert_eq!(creations.len(), beads, "{creations:?}");
    assert!(creations.values().all(|count| *count == 1), "{creations:?}");
}

async fn with_beads(name: &str, limit: usize, beads: usize) -> Town {
    let town = Town::new(name, json!({"settings": {"maxPolecats": limit}})).await;
    join_all((0..beads).map(|n| {
        let town = &town;
        async move { town.bead(&format!("gt-{n:03}"), json!({})).await }
    }))
    .await;
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_beads_run_five_at_a_time_in_order() {
    let town = Town::new("many", json!({"settings": {"maxPolecats": 5}})).await;
    // The most urgent first, of those the oldest, of those the smallest id.
    let mut order = Vec::new();
    for n in 0..500 {
        let (priority, day, id) = (n % 3, 1 + (n * 7) % 28, format!("gt-{n:03}"));
        let fields =
            json!({"priority": priority, "created_at": format!("2026-01-{day:02}T00:00:00Z")});
        order.push((priority, day, id.clone(), fields));
    }
    for chunk in order.chunks(20) {
        join_all(
            chunk
                .iter()
                .map(|(_, _, id, fields)| town.bead(id, fields.clone())),
        )
        .await;
    }
    order.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
    let _kubelet = town.kubelet(End::Well);
    let _controller = town.controller();
    all_done(&town, 500, Duration::from_secs(900)).await;
    check(&town, 500, 5).await;
    let starts = History::of(&town).await.starts();
    for (place, (_, _, id, _)) in order.iter().enumerate() {
        let started = starts
            .iter()
            .position(|name| *name == format!("polecat-{id}-1"))
            .unwrap();
        assert!(
            started.abs_diff(place) < 5,
            "{id} is number {place} and started as number {started}"
        );
    }
}

/// Runs a controller that is struck down at its n-th write of what matters, before or after the server has done it, and then another.
async fn struck_down(n: usize, after: bool) -> bool {
    let town = with_beads("crash", 1, 2).await;
    let _kubelet = town.kubelet(End::Well);
    let proxy = FaultProxy::start(&town.user());
    let first: Arc<Mutex<Option<Controller>>> = Arc::default();
    let hook = {
        let first = Arc::clone(&first);
        move |_: &beadlet_testbed::fault::Asked| drop(first.lock().unwrap().take())
    };
    let fault = if after {
        Fault::after(hook)
    } else {
        Fault::instead(hook)
    };
    let matters = |asked: &beadlet_testbed::fault::Asked| {
        matches!(
            asked.resource.as_str(),
            "rigs" | "polecats" | "jobs" | "configmaps"
        )
    };
    let set = proxy.rule(On::writes().matching(matters).nth(n), fault);
    *first.lock().unwrap() = Some(town.controller_with(town.settings(), proxy.client().await));
    let is_over = async || {
        let is_down = first.lock().unwrap().is_none();
        let polecats = town
            .polecats()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        let done = polecats
            .iter()
            .filter(|p| p.status.as_ref().and_then(|s| s.phase) == Some(PolecatPhase::Done))
            .count();
        is_down || done == 2
    };
    eventually(
        SOON,
        "the first controller is down, or has nothing more to do",
        is_over,
    )
    .await;
    let was_struck = set.held() > 0;
    drop(first.lock().unwrap().take());
    let _second = town.controller();
    all_done(&town, 2, SOON).await;
    check(&town, 2, 1).await;
    was_struck
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_before_and_after_every_write_changes_nothing() {
    for after in [false, true] {
        let mut n = 1;
        loop {
            let struck = join_all((n..n + 4).map(|n| struck_down(n, after))).await;
            n += 4;
            if struck.contains(&false) {
                break;
            }
        }
        assert!(n > 12, "only {n} writes were struck");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_and_answers_change_nothing() {
    let town = with_beads("dropped", 2, 8).await;
    let _kubelet = town.kubelet(End::Well);
    let proxy = FaultProxy::start(&town.user());
    let every = |n: usize| {
        let count = std::sync::atomic::AtomicUsize::new(0);
        move |_: &beadlet_testbed::fault::Asked| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % n == n - 1
        }
    };
    proxy.rule(On::writes().matching(every(5)), Fault::DropAnswer);
    proxy.rule(On::writes().matching(every(7)), Fault::DropRequest);
    proxy.rule(On::writes().matching(every(6)), Fault::status(500));
    proxy.rule(On::verb("get").matching(every(4)), Fault::status(503));
    let _controller = town.controller_with(town.settings(), proxy.client().await);
    all_done(&town, 8, Duration::from_secs(300)).await;
    check(&town, 8, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_controllers_that_both_lead_share_the_limit() {
    let town = with_beads("both", 3, 30).await;
    let _kubelet = town.kubelet(End::Well);
    let _one = town.controller();
    let _two = town.controller();
    all_done(&town, 30, Duration::from_secs(300)).await;
    check(&town, 30, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controller_whose_caches_are_behind_does_no_harm() {
    let town = with_beads("stale", 2, 12).await;
    let _kubelet = town.kubelet(End::Well);
    let proxy = FaultProxy::start(&town.user());
    // It sees the begin, and then nothing more of Polecats and Rigs; its requests arrive late.
    let stuck = |asked: &beadlet_testbed::fault::Asked| {
        matches!(asked.resource.as_str(), "polecats" | "rigs")
    };
    proxy.rule(On::verb("watch").matching(stuck), Fault::Hang);
    proxy.rule(On::writes(), Fault::Delay(Duration::from_millis(150)));
    let _behind = town.controller_with(town.settings(), proxy.client().await);
    let _other = town.controller();
    all_done(&town, 12, Duration::from_secs(300)).await;
    check(&town, 12, 2).await;
}

/// Waits until the future is ready, or a moment has passed.
async fn moment<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(3), future)
        .await
        .ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_arrive_when_all_is_over_start_nothing() {
    let town = with_beads("late", 1, 3).await;
    let _kubelet = town.kubelet(End::Well);
    let proxy = FaultProxy::start(&town.user());
    // The first controller is paused before its first Job, and goes on when everything is done.
    proxy.rule(
        On::verb("create").of("jobs").times(1),
        Fault::Delay(Duration::from_secs(20)),
    );
    let _paused = town.controller_with(town.settings(), proxy.client().await);
    let api = town.polecats();
    eventually(SOON, "the first polecat exists", async || {
        api.get_opt("gt-000-1").await.unwrap()
    })
    .await;
    let _other = town.controller();
    all_done(&town, 3, SOON).await;
    eventually(SOON, "the late request was answered", async || {
        proxy
            .log()
            .iter()
            .any(|passed| passed.asked.verb == "create" && passed.asked.resource == "jobs")
    })
    .await;
    assert_eq!(
        moment(town.phase("gt-000-1", PolecatPhase::Working)).await,
        None
    );
    check(&town, 3, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn follower_takes_over_when_the_leader_is_gone() {
    let town = with_beads("election", 1, 4).await;
    let elected = |identity: &str| {
        let mut settings = town.settings();
        settings.election = Some(town.election(identity));
        town.controller_with(settings, town.namespace.user(identity).client())
    };
    let leader = elected("leader");
    town.phase("gt-000-1", PolecatPhase::Working).await;
    let _follower = elected("follower");
    drop(leader);
    let _kubelet = town.kubelet(End::Well);
    all_done(&town, 4, SOON).await;
    check(&town, 4, 1).await;
    let writers = |user: &str| {
        let user = town.namespace.user(user).name().to_owned();
        async {
            town.job_history()
                .await
                .into_iter()
                .filter(move |request| request.user == user && request.is_write())
                .count()
        }
    };
    assert!(writers("leader").await > 0 && writers("follower").await > 0);
}
