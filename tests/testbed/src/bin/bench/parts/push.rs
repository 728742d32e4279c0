//! From a moved branch until a watching client sees the ConfigMap.

use std::time::Duration;

use anyhow::Result;
use beadlet_testbed::town::{Bead, Dice, Town, TownRepo};
use beadlet_testbed::watching::Watching;
use jiff::Timestamp;
use tokio::time::sleep;

use super::mirrored;
use crate::arguments::Arguments;
use crate::bench::{Bench, Mirrored};
use crate::figures::Push;
use crate::text::milliseconds;

const PATIENCE: Duration = Duration::from_secs(30);
/// How often the state is told.
const TOLD_EVERY: u32 = 50;

pub(crate) async fn push(bench: &Bench, arguments: &Arguments) -> Result<Push> {
    let (town, repo, mirrored) = mirrored(bench, arguments, "push").await?;
    let tell_nobody = async || Ok(());
    pushes(
        bench,
        arguments.pushes,
        (town, &repo),
        mirrored,
        tell_nobody,
    )
    .await
}

/// Pushes so many commits to the repository of a town, each followed by `announce`.
pub(super) async fn pushes(
    bench: &Bench,
    count: u32,
    (mut town, repo): (Town, &TownRepo),
    mirrored: Mirrored,
    announce: impl AsyncFn() -> Result<()>,
) -> Result<Push> {
    let mut watching = Watching::start(bench.client("watcher"), &mirrored.namespace).await?;
    let mut dice = Dice::new(7);
    let mut latencies = Vec::new();
    let mark = bench.testbed.audit().mark().await;
    for number in 1..=count {
        // So that pushes do not fall into step with anything that is periodic.
        sleep(Duration::from_millis(dice.between(50, 250) as u64)).await;
        let (id, title) = edit(&mut town, &mut dice, number);
        let landed = repo.commit(&town, &title)?;
        announce().await?;
        let seen = watching
            .see(&title, PATIENCE, |sighting| {
                sighting.is(&id) && sighting.title() == Some(&title)
            })
            .await?;
        latencies.push(seen.at.saturating_duration_since(landed.moved_at));
        if number % TOLD_EVERY == 0 {
            let mean = latencies.iter().sum::<Duration>() / number;
            bench.tell(&format!("{number} pushes, mean {}", milliseconds(mean)));
        }
    }
    let requests = bench.asked(mark).await;
    let all = requests.len();
    let writes = requests.writes().len();
    mirrored.daemon.stop();
    latencies.sort_unstable();
    Ok(Push {
        issues: town.beads.len(),
        latencies,
        writes,
        other_requests: all - writes,
    })
}

/// Every third push brings a new issue, the others edit a title: each changes one ConfigMap.
fn edit(town: &mut Town, dice: &mut Dice, number: u32) -> (String, String) {
    let now = Timestamp::now();
    if number.is_multiple_of(3) {
        let bead = Bead::new("task", &format!("gy-new{number}"), &format!("New issue of push {number}"), now)
            .says("Made for the benchmark, and as long as many an issue is that somebody writes down in a hurry.");
        let pushed = (bead.id.clone(), bead.title.clone());
        town.beads.push(bead);
        return pushed;
    }
    let place = dice.below(town.beads.len());
    let bead = &mut town.beads[place];
    bead.retitle(now, &format!("Title of push {number}"));
    (bead.id.clone(), bead.title.clone())
}
