//! The second act: a push makes issues ready, a Rig starts polecats on them one at a time, and a convoy counts up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use beadlet_store::kinds::{Convoy, Polecat, PolecatPhase, Rig};
use beadlet_testbed::town::{Town, TownRepo};
use beadlet_testbed::watching::{Sighting, Watching};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::{Api, ResourceExt};
use tokio::time::{sleep, timeout};

use super::commits::land;
use crate::node::Node;
use crate::show::Stage;
use crate::yard::RIG;

/// What takes longer than this is a failure and not a matter of patience.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a Rig may take to say what waits, which it does not do at once.
const SAID: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(50);
const BLOCKER: &str = "gy-8pd.2";
/// Wait for it, and are of the convoy.
const FIRST: &str = "gy-8pd.3";
const SECOND: &str = "gy-8pd.4";
const CONVOY: &str = "hq-cv-x30fd";

/// What the act is played with, and what a program sees of it that watches.
struct Act<'a, 's> {
    stage: &'a mut Stage<'s>,
    town: &'a mut Town,
    repo: &'a TownRepo,
    node: &'a Node,
    polecats: Watching<Polecat>,
    jobs: Watching<Job>,
    convoys: Watching<Convoy>,
}

pub(crate) async fn polecats(
    stage: &mut Stage<'_>,
    town: &mut Town,
    repo: &TownRepo,
    node: &Node,
) -> Result<()> {
    let (client, namespace) = (stage.place.client.clone(), &stage.place.namespace);
    let mut act = Act {
        polecats: Watching::of(Api::namespaced(client.clone(), namespace), "").await?,
        jobs: Watching::of(Api::namespaced(client.clone(), namespace), "").await?,
        convoys: Watching::of(Api::namespaced(client, namespace), "").await?,
        stage,
        town,
        repo,
        node,
    };
    let started = act.push_makes_ready().await?;
    let started = act.next_one_starts(started).await?;
    act.convoy_is_complete(started).await
}

impl Act<'_, '_> {
    /// Gives the time at which the first Job was started.
    async fn push_makes_ready(&mut self) -> Result<Instant> {
        self.heading("A push makes two issues ready");
        let since = self.close(BLOCKER, "Replans one berth, its neighbours stay")?;
        let is_ready = |seen: &Sighting| seen.is(FIRST) && seen.label("bead-ready") == Some("true");
        let seen = self.stage.watching.see(FIRST, PATIENCE, is_ready).await?;
        self.tell(&format!("{FIRST} and {SECOND} are ready"), since, seen.at);
        let polecat = format!("{FIRST}-1");
        let seen = self
            .polecats
            .see(&polecat, PATIENCE, named(&polecat))
            .await?;
        self.tell(&format!("Polecat {polecat} is there"), since, seen.at);
        let started = self.started(FIRST, since).await?;
        self.something_waits().await?;
        self.show(&["get", "rig", RIG], 1).await?;
        self.show(&["get", "polecats"], 2).await?;
        self.show(&["get", "convoy", CONVOY], 1).await?;
        Ok(started)
    }

    /// Gives the time at which the second Job was started.
    async fn next_one_starts(&mut self, since: Instant) -> Result<Instant> {
        self.heading("The next one starts when the first ends");
        let ended = self.done(FIRST, since).await?;
        let started = self.started(SECOND, ended).await?;
        let has_one = |convoy: &Convoy| {
            let succeeded = convoy.status.as_ref().and_then(|status| status.succeeded);
            succeeded >= Some(1)
        };
        self.counted("has one polecat that succeeded", ended, has_one)
            .await?;
        self.what_it_did().await?;
        let since = self.close(FIRST, "Merged, the yard is told")?;
        self.counted("is at 3/4", since, |convoy| progress(convoy) == Some("3/4"))
            .await?;
        Ok(started)
    }

    /// What the first agent said, and where its work is.
    async fn what_it_did(&self) -> Result<()> {
        let Node::Real(project) = self.node else {
            return Ok(());
        };
        let job = format!("job/polecat-{FIRST}-1");
        self.show(&["logs", &job, "-c", "agent"], 2).await?;
        let branch = format!("polecat/{FIRST}-1");
        let commit = project.repo.head(&branch);
        let commit = commit.with_context(|| format!("the project has no branch {branch}"))?;
        let screen = self.stage.screen;
        screen.line(&format!(
            "commit {:.7} is on {branch} of the project",
            commit
        ));
        Ok(())
    }

    async fn convoy_is_complete(&mut self, since: Instant) -> Result<()> {
        self.heading("The convoy is complete with its last issue");
        self.done(SECOND, since).await?;
        let since = self.close(SECOND, "Merged, the board says why")?;
        self.counted("is at 4/4", since, |convoy| progress(convoy) == Some("4/4"))
            .await?;
        self.show(&["get", "polecats"], 2).await?;
        self.show(&["get", "jobs"], 2).await?;
        self.show(&["get", "convoys"], 4).await
    }

    fn heading(&self, text: &str) {
        self.stage.screen.heading(text);
    }

    async fn show(&self, arguments: &[&str], rows: usize) -> Result<()> {
        let (screen, place) = (self.stage.screen, self.stage.place);
        place.kubectl.show(screen, arguments, rows).await
    }

    /// Tells what arrived, and when.
    fn tell(&self, what: &str, since: Instant, at: Instant) {
        let time = at.saturating_duration_since(since);
        let time = format!("{} ms", time.as_millis());
        self.stage.screen.arrival(what, &time);
    }

    /// Commits the end of an issue, and gives the time at which the branch moved.
    fn close(&mut self, id: &str, reason: &str) -> Result<Instant> {
        let bead = self.town.bead_mut(id);
        bead.with_context(|| format!("the town has no issue {id}"))?
            .close(Timestamp::now(), reason);
        let message = format!("Close {id}");
        Ok(land(self.stage, self.town, self.repo, &message)?.moved_at)
    }

    /// Gives the time at which the Job of an issue was seen to be started.
    async fn started(&mut self, bead: &str, since: Instant) -> Result<Instant> {
        let job = format!("polecat-{bead}-1");
        let is_started = |seen: &Sighting<Job>| {
            let suspend = seen.object.spec.as_ref().and_then(|spec| spec.suspend);
            named(&job)(seen) && suspend == Some(false)
        };
        let seen = self.jobs.see(&job, PATIENCE, is_started).await?;
        self.tell(&format!("Job {job} is started"), since, seen.at);
        Ok(seen.at)
    }

    /// Gives the time at which the Polecat of an issue was seen to be done.
    async fn done(&mut self, bead: &str, since: Instant) -> Result<Instant> {
        let polecat = format!("{bead}-1");
        let is_done = |seen: &Sighting<Polecat>| {
            let phase = seen.object.status.as_ref().and_then(|status| status.phase);
            named(&polecat)(seen) && phase == Some(PolecatPhase::Done)
        };
        let seen = self.polecats.see(&polecat, PATIENCE, is_done).await?;
        self.tell(&format!("Polecat {polecat} is done"), since, seen.at);
        Ok(seen.at)
    }

    async fn counted(
        &mut self,
        what: &str,
        since: Instant,
        is: impl Fn(&Convoy) -> bool,
    ) -> Result<()> {
        let is_so = |seen: &Sighting<Convoy>| named(CONVOY)(seen) && is(&seen.object);
        let what = format!("convoy {CONVOY} {what}");
        let seen = self.convoys.see(&what, PATIENCE, is_so).await?;
        self.tell(&what, since, seen.at);
        Ok(())
    }

    /// Waits until the Rig says that an issue waits for a place; where it is over by then, there is less to look at.
    async fn something_waits(&self) -> Result<()> {
        let rigs: Api<Rig> = Api::all(self.stage.place.client.clone());
        let waits = async {
            let is_queued = |rig: Rig| rig.status.and_then(|status| status.queued) > Some(0);
            while !is_queued(rigs.get_status(RIG).await?) {
                sleep(LOOK).await;
            }
            anyhow::Ok(())
        };
        timeout(SAID, waits).await.unwrap_or(Ok(()))
    }
}

fn named<K: ResourceExt>(name: &str) -> impl Fn(&Sighting<K>) -> bool + use<'_, K> {
    move |seen| seen.object.name_any() == name
}

fn progress(convoy: &Convoy) -> Option<&str> {
    convoy.status.as_ref()?.progress.as_deref()
}
