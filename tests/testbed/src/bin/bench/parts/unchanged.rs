//! What passes and restarts cost when nothing has changed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use beadlet_testbed::Mark;
use beadlet_testbed::daemon::Daemon;
use tokio::time::sleep;

use super::mirrored;
use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::figures::Unchanged;

const PASSES: usize = 10;
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(10);

pub(crate) async fn unchanged(bench: &Bench, arguments: &Arguments) -> Result<Unchanged> {
    let (town, repo, mut mirrored) = mirrored(bench, arguments, "unchanged").await?;
    bench.tell(&format!(
        "{PASSES} passes by a signal, then {PASSES} commits beside the issue file"
    ));
    let mark = bench.testbed.audit().mark().await;
    for _ in 0..PASSES {
        let before = mirrored.daemon.unchanged_passes().await?;
        mirrored.daemon.poke()?;
        one_more(&mirrored.daemon, before).await?;
    }
    let poke_requests = requests(bench, mark).await;

    let mark = bench.testbed.audit().mark().await;
    for number in 0..PASSES {
        let before = mirrored.daemon.unchanged_passes().await?;
        repo.commit_beside("README.md", &format!("Nothing about issues, {number}\n"))?;
        one_more(&mirrored.daemon, before).await?;
    }
    let commit_requests = requests(bench, mark).await;

    bench.tell("restart");
    mirrored.daemon.stop();
    let mark = bench.testbed.audit().mark().await;
    let again = bench.mirror_into(&repo, mirrored.namespace).await?;
    let asked = bench.asked(mark).await;
    let all = asked.len();
    let restart_writes = asked.writes().len();
    again.daemon.stop();
    Ok(Unchanged {
        issues: town.beads.len(),
        pokes: PASSES,
        poke_requests,
        commits: PASSES,
        commit_requests,
        restart_writes,
        restart_reads: all - restart_writes,
        restart: again.ready_after,
    })
}

async fn requests(bench: &Bench, mark: Mark) -> usize {
    bench.asked(mark).await.len()
}

/// Waits for a pass that finds nothing to do.
async fn one_more(daemon: &Daemon, before: u64) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while daemon.unchanged_passes().await? <= before {
        ensure!(
            Instant::now() < end,
            "no pass has ended within {PATIENCE:?}"
        );
        sleep(LOOK).await;
    }
    Ok(())
}
