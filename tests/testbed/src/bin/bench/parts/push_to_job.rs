//! From a moved branch until a watching client sees the Job.

use std::time::{Duration, Instant};

use anyhow::Result;
use beadlet_testbed::kinds;
use beadlet_testbed::town::{Bead, Dice, Town, TownRepo};
use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::sleep;

use super::dispatch::is_started;
use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::controlled::Controlled;
use crate::figures::PushToJob;
use crate::text::milliseconds;

const PATIENCE: Duration = Duration::from_secs(60);
/// How often the state is told.
const TOLD_EVERY: u32 = 50;
/// Of the new issues; the town's own have other prefixes and no Rig.
const PREFIX: &str = "px";

pub(crate) async fn push_to_job(bench: &Bench, arguments: &Arguments) -> Result<PushToJob> {
    kinds::install(&bench.testbed.client()).await?;
    let mut town = Town::grown(arguments.mirrored as usize, Timestamp::now());
    let repo = TownRepo::create(&bench.folder().join("push-to-job"), &town)?;
    let controlled = Controlled::start(bench, &repo).await?;
    controlled.rig(PREFIX, arguments.pushes as usize).await?;
    let mut polecats = controlled.watching_polecats().await?;
    let mut jobs = controlled.watching().await?;
    let mut dice = Dice::new(11);
    let (mut seen, issues) = (PushToJob::default(), town.beads.len());
    for number in 1..=arguments.pushes {
        // So that pushes do not fall into step with anything that is periodic.
        sleep(Duration::from_millis(dice.between(50, 250) as u64)).await;
        let name = format!("{PREFIX}-{number}-1");
        town.beads.push(issue(number));
        let landed = repo.commit(&town, &format!("New issue {number}"))?;
        let since = |at: Instant| at.saturating_duration_since(landed.moved_at);
        let polecat = polecats
            .see(&name, PATIENCE, |seen| seen.object.name_any() == name)
            .await?;
        let name = format!("polecat-{name}");
        let is_it = |job: &_| ResourceExt::name_any(job) == name;
        let job = jobs
            .see(&name, PATIENCE, |seen| is_it(&seen.object))
            .await?;
        let started = if is_started(&job.object) {
            job.at
        } else {
            let is_running = |seen: &_| is_it(seen) && is_started(seen);
            jobs.see(&name, PATIENCE, |seen| is_running(&seen.object))
                .await?
                .at
        };
        seen.polecat.push(since(polecat.at));
        seen.created.push(since(job.at));
        seen.started.push(since(started));
        if number % TOLD_EVERY == 0 {
            let mean = seen.created.iter().sum::<Duration>() / number;
            bench.tell(&format!("{number} pushes, mean {}", milliseconds(mean)));
        }
    }
    controlled.stop().await?;
    Ok(seen.sorted(issues))
}

/// Ready as soon as it is there.
fn issue(number: u32) -> Bead {
    let title = format!("New issue of push {number}");
    Bead::new("task", &format!("{PREFIX}-{number}"), &title, Timestamp::now())
        .says("Made for the benchmark, and as long as many an issue is that somebody writes down in a hurry.")
}
