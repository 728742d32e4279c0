//! Kueue's contract, with a test that plays Kueue's part: Jobs are created suspended with the label, Kueue alone writes `spec.suspend`,
//! admits, preempts (suspends again, the pods go) and admits again, at random.

use std::time::Duration;

use beadlet_store::{
    keys::work,
    kinds::{Polecat, PolecatPhase},
};
use beadlet_testbed::eventually;
use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use super::{
    scheduler_history::History,
    scheduler_town::{End, Town},
};

async fn admit(api: &Api<Job>, name: &str, admitted: bool) {
    let patch = json!({"spec": {"suspend": !admitted}});
    // The Job may have ended in the meantime.
    let _ = api
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await;
}

fn has_ended(job: &Job) -> bool {
    let conditions = job
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|c| c.status == "True" && matches!(c.type_.as_str(), "Complete" | "Failed"))
}

async fn queue(town: &Town, beads: usize) {
    for n in 0..beads {
        town.bead(&format!("gt-{n}"), json!({})).await;
    }
}

/// Always the same random numbers.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }
}

const QUEUED: &str = r#"{"settings": {"maxPolecats": 4}, "polecatTemplate": {"spec": {"kubernetes": {"queueName": "agents"}}}}"#;

#[tokio::test]
async fn job_of_a_queue_waits_for_kueue_and_is_followed_through_preemption() {
    let town = Town::new("kueue", serde_json::from_str(QUEUED).unwrap()).await;
    queue(&town, 1).await;
    let _controller = town.controller();
    let kubelet = town.kubelet(End::Never);
    let polecat = town.phase("gt-0-1", PolecatPhase::Queued).await;
    let name = "polecat-gt-0-1";
    let jobs = town.jobs();
    let job = eventually(super::scheduler_town::SOON, "the Job exists", async || {
        jobs.get_opt(name).await.unwrap()
    })
    .await;
    assert_eq!(
        (
            job.labels()[work::QUEUE].as_str(),
            job.spec.as_ref().unwrap().suspend
        ),
        ("agents", Some(true))
    );
    assert_eq!(polecat.spec.rig.as_deref(), Some(town.name()));

    for _ in 0..2 {
        admit(&jobs, name, true).await;
        town.phase("gt-0-1", PolecatPhase::Working).await;
        admit(&jobs, name, false).await;
        town.phase("gt-0-1", PolecatPhase::Queued).await;
    }
    drop(kubelet);
    let _kubelet = town.kubelet(End::Well);
    admit(&jobs, name, true).await;
    town.phase("gt-0-1", PolecatPhase::Done).await;
    let history = History::of(&town).await;
    let writers: Vec<String> = history
        .suspensions(name)
        .into_iter()
        .skip(1)
        .map(|(_, user)| user)
        .collect();
    assert!(
        writers.iter().all(|user| user != town.user().name()),
        "{writers:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_kueue_does_every_bead_is_worked_on_within_the_limit() {
    let town = Town::new("kueues", serde_json::from_str(QUEUED).unwrap()).await;
    queue(&town, 12).await;
    let _controller = town.controller();
    let _kubelet = town.kubelet(End::Well);
    let mut dice = Dice(0x9e37_79b9);
    let jobs = town.jobs();
    let done = |polecats: Vec<Polecat>| {
        let phase = |polecat: &Polecat| polecat.status.as_ref().and_then(|status| status.phase);
        polecats
            .iter()
            .filter(|polecat| phase(polecat) == Some(PolecatPhase::Done))
            .count()
    };
    eventually(
        Duration::from_secs(180),
        "all polecats are done",
        async || {
            for job in jobs
                .list(&ListParams::default())
                .await
                .unwrap()
                .items
                .iter()
                .filter(|job| !has_ended(job))
            {
                admit(&jobs, &job.name_any(), dice.roll(4) != 0).await;
            }
            let done = done(
                town.polecats()
                    .list(&ListParams::default())
                    .await
                    .unwrap()
                    .items,
            );
            if done == 12 {
                Ok(())
            } else {
                Err(format!("{done} are done"))
            }
        },
    )
    .await;
    let history = History::of(&town).await;
    assert!(history.most_at_once() <= 4, "{}", history.most_at_once());
    assert!(history.creations().values().all(|count| *count == 1));
}
