//! After the show: how to look around, and what arrives meanwhile.

use std::collections::HashMap;
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use beadlet_store::kinds::{Polecat, PolecatPhase};
use beadlet_testbed::daemon::Daemon;
use beadlet_testbed::town::TownRepo;
use beadlet_testbed::watching::{Sighting, Watching};
use kube::ResourceExt;
use tokio::select;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::screen::Screen;
use crate::show::Stage;

/// Changes that arrive within this time of the first are told together.
const TOGETHER: Duration = Duration::from_millis(300);
/// More of them than this are only counted.
const TOLD: usize = 5;
/// How often the daemon is looked after.
const LOOK: Duration = Duration::from_millis(500);

/// Prints what a person can do now.
pub(crate) fn tell(stage: &Stage<'_>, repo: Option<&TownRepo>, log: &Path) {
    let (screen, kubectl) = (stage.screen, &stage.place.kubectl);
    screen.heading("Look around, in another terminal (Ctrl-C here ends everything)");
    if let Some(kubeconfig) = &stage.place.kubeconfig {
        screen.whole(&format!("export KUBECONFIG={}", kubeconfig.display()));
    }
    if let Some(tools) = &stage.place.tools {
        screen.whole(&format!("export PATH=$PATH:{}", tools.display()));
    }
    screen.whole(&kubectl.typed(&["get", "cm", "-l", "bead-ready=true,bead-priority=0"]));
    screen.whole(&kubectl.typed(&["get", "cm", "-l", "bead-status=open", "--watch"]));
    if stage.polecats.is_some() {
        screen.whole(&kubectl.typed(&["get", "rigs,convoys,polecats,jobs"]));
    }
    match repo {
        Some(repo) => tell_of_town(stage, repo),
        None => screen.line("commit to your repository and watch it arrive here"),
    }
    screen.whole(&format!("tail -f {}", log.display()));
    screen.heading("What arrives");
}

fn tell_of_town(stage: &Stage<'_>, repo: &TownRepo) {
    let (screen, kubectl) = (stage.screen, &stage.place.kubectl);
    screen.whole(&kubectl.typed(&[
        "get",
        "cm",
        "-l",
        "bead-convoy/hq-cv-7ma2q",
        "-L",
        "bead-status",
    ]));
    screen.whole(&kubectl.typed(&["get", "cm", "bead-gy-3vq", "-o", "yaml"]));
    screen.line("");
    screen.line("a change, by one line:");
    screen.whole(&format!("cd {}", repo.path().display()));
    screen.whole("sed -i 's/Crane 4/Crane 9/' .beads/issues.jsonl && git commit -qam 'Crane 9'");
    if stage.polecats.is_some() {
        screen.line("a polecat for one more issue, by another:");
        screen.whole(
            "sed -i 's/r\",\"safety/r\",\"polecat/' .beads/issues.jsonl && git commit -qam Wind",
        );
    }
    screen.line("");
}

/// Tells what arrives until the daemon ends, which it should not.
pub(crate) async fn until_it_ends(stage: &mut Stage<'_>, daemon: &mut Daemon) -> Result<()> {
    let mut look = Instant::now() + LOOK;
    let mut phases = HashMap::new();
    loop {
        select! {
            sighting = stage.watching.next() => together(stage, sighting?).await?,
            sighting = polecat(&mut stage.polecats) => tell_polecat(stage.screen, &mut phases, &sighting?),
            () = sleep_until(look) => {
                look = Instant::now() + LOOK;
                if let Some(status) = daemon.exit() {
                    bail!("beadlet ended with {status}; the end of its log:\n{}", daemon.log_tail());
                }
            }
        }
    }
}

/// The next change of a Polecat; none comes where there are none.
async fn polecat(polecats: &mut Option<Watching<Polecat>>) -> Result<Sighting<Polecat>> {
    match polecats {
        Some(polecats) => polecats.next().await,
        None => pending().await,
    }
}

/// Tells the phases of a Polecat, each once.
fn tell_polecat(
    screen: Screen,
    phases: &mut HashMap<String, PolecatPhase>,
    sighting: &Sighting<Polecat>,
) {
    let name = sighting.object.name_any();
    let status = sighting.object.status.as_ref();
    match status.and_then(|status| status.phase) {
        _ if sighting.gone => screen.line(&format!("Polecat {name} is gone")),
        Some(phase) if phases.insert(name.clone(), phase) != Some(phase) => {
            screen.line(&format!("Polecat {name}  {phase:?}"));
        }
        _ => {}
    }
}

/// Tells a change and those that come with it.
async fn together(stage: &mut Stage<'_>, first: Sighting) -> Result<()> {
    let end = Instant::now() + TOGETHER;
    let mut count = 0;
    let mut next = Some(first);
    while let Some(sighting) = next {
        count += 1;
        if count <= TOLD {
            stage.screen.line(&told(&sighting));
        }
        next = timeout_at(end, stage.watching.next())
            .await
            .ok()
            .transpose()?;
    }
    if count > TOLD {
        stage.screen.line(&format!("… and {} more", count - TOLD));
    }
    Ok(())
}

fn told(sighting: &Sighting) -> String {
    let name = sighting.object.metadata.name.as_deref().unwrap_or_default();
    if sighting.gone {
        return format!("{name} is gone");
    }
    let ready = if sighting.label("bead-ready") == Some("true") {
        ", ready"
    } else {
        ""
    };
    let status = sighting.label("bead-status").unwrap_or_default();
    format!(
        "{name}  {status}{ready}  {}",
        sighting.title().unwrap_or_default()
    )
}
