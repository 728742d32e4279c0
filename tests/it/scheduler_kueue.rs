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
use serde_json::{Value, json};

use super::{
    scheduler_history::History,
    scheduler_town::{End, SOON, Town},
};

/// Kueue's part: it admits a Job with the flavour that was assigned to it, and stops it again.
struct Kueue(Api<Job>);

impl Kueue {
    /// Starts a suspended Job, with the labels of the nodes that it was given.
    async fn admit(&self, name: &str) -> kube::Result<Job> {
        let flavour = json!({"metadata": {"labels": {PODSET: "main"}}, "spec": {"nodeSelector": {"pool": "a"}}});
        self.patch(
            name,
            json!({"spec": {"suspend": false, "template": flavour}}),
        )
        .await
    }

    async fn stop(&self, name: &str) -> kube::Result<Job> {
        self.patch(name, json!({"spec": {"suspend": true}})).await
    }

    /// Makes a stopped Job as it was before it was admitted. Its pods must be gone.
    async fn restore(&self, name: &str) -> kube::Result<Job> {
        let params = PatchParams::default();
        let not_started = Patch::Merge(json!({"status": {"startTime": null}}));
        self.0.patch_status(name, &params, &not_started).await?;
        let flavour =
            json!({"metadata": {"labels": {PODSET: null}}, "spec": {"nodeSelector": null}});
        self.patch(name, json!({"spec": {"template": flavour}}))
            .await
    }

    async fn patch(&self, name: &str, patch: Value) -> kube::Result<Job> {
        let params = PatchParams::default();
        self.0.patch(name, &params, &Patch::Merge(patch)).await
    }

    /// One step towards running, or towards not running. What cannot be done now is done at a later step.
    async fn step(&self, job: &Job, runs: bool) {
        let (name, spec) = (job.name_any(), job.spec.as_ref().unwrap());
        let selector = spec.template.spec.as_ref().unwrap().node_selector.as_ref();
        let _ = match (spec.suspend == Some(true), runs) {
            (true, _) if selector.is_some() => self.restore(&name).await,
            (true, true) => self.admit(&name).await,
            (false, false) => self.stop(&name).await,
            _ => return,
        };
    }
}

const PODSET: &str = "kueue.x-k8s.io/podset";

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
    let job = eventually(SOON, "the Job exists", async || {
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

    let kueue = Kueue(jobs.clone());
    for _ in 0..2 {
        kueue.admit(name).await.unwrap();
        town.phase("gt-0-1", PolecatPhase::Working).await;
        kueue.stop(name).await.unwrap();
        town.phase("gt-0-1", PolecatPhase::Queued).await;
        let what = "its pods are gone, and it is as before";
        eventually(SOON, what, async || kueue.restore(name).await).await;
    }
    drop(kubelet);
    let _kubelet = town.kubelet(End::Well);
    kueue.admit(name).await.unwrap();
    town.phase("gt-0-1", PolecatPhase::Done).await;
    only_kueue_starts(&town).await;
}

/// From the creation on, nobody but Kueue (here: an administrator) writes `spec.suspend`.
async fn only_kueue_starts(town: &Town) {
    let history = History::of(town).await;
    for name in history.creations().keys() {
        let mut values = history.suspensions(name).into_iter();
        assert_eq!(values.next(), Some((true, town.user().name().to_owned())));
        let ours = values.find(|(_, user)| user == town.user().name());
        assert_eq!(ours, None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_kueue_does_every_bead_is_worked_on_within_the_limit() {
    let town = Town::new("kueues", serde_json::from_str(QUEUED).unwrap()).await;
    queue(&town, 12).await;
    let _controller = town.controller();
    let _kubelet = town.kubelet(End::Well);
    let mut dice = Dice(0x9e37_79b9);
    let jobs = town.jobs();
    let kueue = Kueue(jobs.clone());
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
                kueue.step(job, dice.roll(4) != 0).await;
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
    only_kueue_starts(&town).await;
}
