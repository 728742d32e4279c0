//! Commits of the town, and when a watching client sees what they change.

use std::time::Duration;

use anyhow::Result;
use beadlet_testbed::town::{Bead, Landed, Town, TownRepo};
use beadlet_testbed::watching::Sighting;
use jiff::Timestamp;

use crate::show::Stage;

/// A commit that takes longer to arrive than this is a failure and not a matter of patience.
const PATIENCE: Duration = Duration::from_secs(20);
const NEW: &str = "gy-t2x";
const BLOCKER: &str = "gy-5tc";
const WAITING: &str = "gy-w7h";
const RETITLED: &str = "gy-8pd.2";

/// A change that must arrive, in words and as a question to ask of what arrives.
struct Expected<'a> {
    what: String,
    wanted: &'a dyn Fn(&Sighting) -> bool,
}

pub(crate) async fn commits(stage: &mut Stage<'_>, town: &mut Town, repo: &TownRepo) -> Result<()> {
    stage.screen.heading("Commits arrive");
    new_issue(stage, town, repo).await?;
    closed_blocker(stage, town, repo).await?;
    edited_title(stage, town, repo).await?;

    stage.screen.heading("What the cluster says now");
    let names = [NEW, BLOCKER, WAITING, RETITLED].map(|id| format!("bead-{id}"));
    let mut arguments = vec!["get", "cm"];
    arguments.extend(names.iter().map(String::as_str));
    arguments.extend(["-L", "bead-status,bead-ready"]);
    stage
        .place
        .kubectl
        .show(stage.screen, &arguments, names.len())
        .await
}

async fn new_issue(stage: &mut Stage<'_>, town: &mut Town, repo: &TownRepo) -> Result<()> {
    let bead = Bead::new("bug", NEW, "Crane 7 reports negative wind speeds", Timestamp::now())
        .priority(1)
        .by("gantry/witness")
        .labelled(&["safety"])
        .says("Since 05:40 the anemometer of crane 7 sends -1.0 between two good samples. The mean is too low by a third.");
    let what = format!("{NEW} is there: {}", bead.title);
    town.beads.push(bead);
    let wanted = |sighting: &Sighting| sighting.is(NEW);
    let landed = land(stage, town, repo, &format!("New issue {NEW}"))?;
    arrive(
        stage,
        landed,
        vec![Expected {
            what,
            wanted: &wanted,
        }],
    )
    .await
}

async fn closed_blocker(stage: &mut Stage<'_>, town: &mut Town, repo: &TownRepo) -> Result<()> {
    if let Some(blocker) = town.bead_mut(BLOCKER) {
        blocker.close(Timestamp::now(), "Partitions by day are live, 30 days kept");
    }
    let closed = |sighting: &Sighting| {
        sighting.is(BLOCKER) && sighting.label("bead-status") == Some("closed")
    };
    let ready =
        |sighting: &Sighting| sighting.is(WAITING) && sighting.label("bead-ready") == Some("true");
    let landed = land(stage, town, repo, &format!("Close {BLOCKER}"))?;
    let expected = vec![
        Expected {
            what: format!("{BLOCKER} is closed"),
            wanted: &closed,
        },
        Expected {
            what: format!("{WAITING} waited for it and is ready"),
            wanted: &ready,
        },
    ];
    arrive(stage, landed, expected).await
}

async fn edited_title(stage: &mut Stage<'_>, town: &mut Town, repo: &TownRepo) -> Result<()> {
    let title = "Replan one berth and leave its neighbours alone";
    if let Some(bead) = town.bead_mut(RETITLED) {
        bead.retitle(Timestamp::now(), title);
    }
    let wanted = |sighting: &Sighting| sighting.is(RETITLED) && sighting.title() == Some(title);
    let landed = land(stage, town, repo, &format!("Retitle {RETITLED}"))?;
    arrive(
        stage,
        landed,
        vec![Expected {
            what: format!("{RETITLED} has its new title"),
            wanted: &wanted,
        }],
    )
    .await
}

/// Commits the town, and shows it.
pub(super) fn land(
    stage: &Stage<'_>,
    town: &Town,
    repo: &TownRepo,
    message: &str,
) -> Result<Landed> {
    let landed = repo.commit(town, message)?;
    stage
        .screen
        .command(&["git", "commit", "-qam", &format!("'{message}'")].map(str::to_owned));
    Ok(landed)
}

/// Tells each expected change as it arrives, in whatever order.
async fn arrive(
    stage: &mut Stage<'_>,
    landed: Landed,
    mut expected: Vec<Expected<'_>>,
) -> Result<()> {
    while !expected.is_empty() {
        let what = expected
            .iter()
            .map(|change| change.what.as_str())
            .collect::<Vec<_>>()
            .join(", and ");
        let any = |sighting: &Sighting| expected.iter().any(|change| (change.wanted)(sighting));
        let sighting = stage.watching.see(&what, PATIENCE, any).await?;
        let time = sighting.at.saturating_duration_since(landed.moved_at);
        expected.retain(|change| {
            let arrived = (change.wanted)(&sighting);
            if arrived {
                stage
                    .screen
                    .arrival(&change.what, &format!("{} ms", time.as_millis()));
            }
            !arrived
        });
    }
    Ok(())
}
