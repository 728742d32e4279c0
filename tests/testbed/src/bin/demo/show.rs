//! The show from its begin to its end: what it has on stage, in which order it plays, how it clears away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use beadlet_store::kinds::Polecat;
use beadlet_testbed::daemon::{Daemon, DaemonSetup};
use beadlet_testbed::town::{RIGS, Town, TownRepo};
use beadlet_testbed::watching::Watching;
use jiff::Timestamp;
use kube::Api;
use tokio::time::timeout;

use crate::arguments::Arguments;
use crate::node::Node;
use crate::place::Place;
use crate::screen::Screen;
use crate::{acts, kinds, stay, yard};

/// How long a first sync may take; a repository of the person's own may be large and far away.
const FIRST_SYNC: Duration = Duration::from_secs(300);
/// How often the reason is told while it is not over.
const TELL_EVERY: Duration = Duration::from_secs(3);

/// The second act.
const SECOND: &str = "Ready issues become Polecats";

pub(crate) struct Show {
    arguments: Arguments,
    screen: Screen,
    folder: PathBuf,
    /// In this order they are cleared away.
    daemon: Option<Daemon>,
    node: Option<Node>,
    place: Option<Place>,
    /// Whether the kinds of the second act were brought in, or were about to be.
    has_kinds: bool,
}

/// What the acts play with.
pub(crate) struct Stage<'a> {
    pub(crate) screen: Screen,
    pub(crate) place: &'a Place,
    pub(crate) watching: Watching,
    /// From the second act on.
    pub(crate) polecats: Option<Watching<Polecat>>,
}

impl Stage<'_> {
    async fn watch_polecats(&mut self) -> Result<()> {
        let api = Api::namespaced(self.place.client.clone(), &self.place.namespace);
        self.polecats = Some(Watching::of(api, "").await?);
        self.watching.forget();
        Ok(())
    }
}

/// What is mirrored.
enum Source {
    /// Ours to commit to.
    Town(Box<Town>, TownRepo),
    /// The person's own.
    Own(String),
}

impl Show {
    pub(crate) fn new(arguments: Arguments, screen: Screen, folder: &Path) -> Self {
        Self {
            arguments,
            screen,
            folder: folder.to_owned(),
            daemon: None,
            node: None,
            place: None,
            has_kinds: false,
        }
    }

    /// Plays all acts, then stays up until the daemon ends or the future is dropped.
    pub(crate) async fn play(&mut self) -> Result<()> {
        let program = self.arguments.beadlet()?;
        let place = match &self.arguments.context {
            Some(context) => Place::given(self.screen, context).await?,
            None => Place::built(self.screen, &self.folder).await?,
        };
        let place = self.place.insert(place);
        let source = match self.arguments.repo() {
            Some(repo) => own(self.screen, repo),
            None => town(self.screen, &self.folder.join("town"))?,
        };
        let setup = setup(&self.arguments, program, place, &source, &self.folder);
        let watching = Watching::start(place.client.clone(), &place.namespace).await?;
        let mut stage = Stage {
            screen: self.screen,
            place,
            watching,
            polecats: None,
        };
        let daemon = &mut self.daemon;
        *daemon = Some(start(&stage, &setup).await?);
        acts::first_sync(&mut stage).await?;
        let repo = match source {
            Source::Town(mut town, repo) => {
                acts::commits(&mut stage, &mut town, &repo).await?;
                if may_go_on(&stage).await {
                    self.has_kinds = true;
                    let opened = open(&stage, daemon, &repo, &setup, &self.folder);
                    let node = self.node.insert(opened.await?);
                    acts::polecats(&mut stage, &mut town, &repo, node).await?;
                    stage.watch_polecats().await?;
                }
                Some(repo)
            }
            Source::Own(_) => {
                left_out(self.screen, "nothing is committed to your repository");
                None
            }
        };
        let Some(daemon) = daemon.as_mut().filter(|_| !self.arguments.once) else {
            return Ok(());
        };
        stay::tell(&stage, repo.as_ref(), daemon.log());
        stay::until_it_ends(&mut stage, daemon).await
    }

    /// Ends everything that was started, in order.
    pub(crate) async fn clear_away(&mut self) {
        self.screen.heading("Clearing away");
        let borrowed = self.place.as_ref().filter(|place| place.is_borrowed());
        let with_kinds = borrowed.filter(|_| self.has_kinds);
        let client = with_kinds.map(|place| place.client.clone());
        if let Some(place) = with_kinds {
            self.screen
                .line("removing the Rig, the Polecats and the BeadStore");
            if let Err(error) = kinds::release(place, yard::RIG).await {
                self.screen
                    .whole(&format!("something may be left: {error:#}"));
            }
        }
        if let Some(daemon) = self.daemon.take() {
            self.screen.line("stopping beadlet");
            // Blocks for as long as the daemon needs to finish its pass; nothing else is to be done meanwhile.
            daemon.stop();
        }
        if let Some(place) = self.place.take() {
            place.leave(self.screen).await;
        }
        if let Some(client) = client {
            self.screen.line("removing the kinds");
            if let Err(error) = kinds::remove(&client).await {
                self.screen.whole(&format!("the kinds are left: {error:#}"));
            }
        }
        self.node = None;
        self.screen.line("done");
    }
}

/// Whether the second act can be played; where not, the audience is told.
async fn may_go_on(stage: &Stage<'_>) -> bool {
    let obstacle = match kinds::obstacle(stage.place).await {
        Ok(obstacle) => obstacle,
        Err(error) => Some(format!("the cluster does not say what it has: {error:#}")),
    };
    match &obstacle {
        Some(why) => left_out(stage.screen, why),
        None => stage.screen.heading(SECOND),
    }
    obstacle.is_none()
}

fn left_out(screen: Screen, why: &str) {
    screen.heading(SECOND);
    screen.line(&format!("left out: {why}"));
}

/// Puts a controller in the place of the daemon.
async fn open(
    stage: &Stage<'_>,
    daemon: &mut Option<Daemon>,
    repo: &TownRepo,
    setup: &DaemonSetup,
    folder: &Path,
) -> Result<Node> {
    kinds::install(stage.screen, stage.place).await?;
    if let Some(daemon) = daemon.take() {
        daemon.stop();
    }
    let daemon = daemon.insert(yard::start(stage, setup, folder)?);
    yard::open(stage, daemon, repo, &setup.program, folder).await
}

fn town(screen: Screen, path: &Path) -> Result<Source> {
    screen.heading("A Gas Town beads repository");
    let town = Town::small(Timestamp::now());
    let repo = TownRepo::create(path, &town)?;
    screen.whole(&repo.path().display().to_string());
    for rig in RIGS {
        let count = town.of_rig(rig).count();
        screen.line(&format!(
            "{:<9} {}-  {count:>3} issues  {}",
            rig.name, rig.prefix, rig.about
        ));
    }
    let convoys = town
        .beads
        .iter()
        .filter(|bead| bead.issue_type == "convoy")
        .count();
    screen.line(&format!(
        "{:<9} hq-  {convoys:>3} issues  batches that cross the rigs",
        "convoys"
    ));
    Ok(Source::Town(Box::new(town), repo))
}

fn own(screen: Screen, repo: String) -> Source {
    screen.heading("Your repository");
    screen.whole(&format!("{repo} (only read)"));
    Source::Own(repo)
}

fn setup(
    arguments: &Arguments,
    program: PathBuf,
    place: &Place,
    source: &Source,
    folder: &Path,
) -> DaemonSetup {
    let repo = match source {
        Source::Town(_, repo) => repo.path().display().to_string(),
        Source::Own(repo) => repo.clone(),
    };
    DaemonSetup {
        program,
        repo,
        branch: arguments.branch.clone(),
        namespace: place.namespace.clone(),
        kubeconfig: place.kubeconfig.clone(),
        context: place.context.clone(),
        more: Vec::new(),
        cache: folder.join("cache"),
        log: folder.join("beadlet.log"),
    }
}

/// Starts the daemon and waits for its first pass.
async fn start(stage: &Stage<'_>, setup: &DaemonSetup) -> Result<Daemon> {
    stage.screen.heading("First sync");
    let words: Vec<String> = ["beadlet".to_owned()]
        .into_iter()
        .chain(setup.arguments())
        .collect();
    stage.screen.command(&words);
    let mut daemon = setup.start()?;
    let time = ready(stage.screen, &mut daemon)
        .await
        .context("the first sync failed")?;
    let count = acts::count(stage, "app.kubernetes.io/managed-by=beadlet").await?;
    stage.screen.line(&format!(
        "{count} ConfigMaps, {:.2} s after the start of the process",
        time.as_secs_f64()
    ));
    stage
        .screen
        .whole(&format!("log: {}", daemon.log().display()));
    Ok(daemon)
}

/// Waits for the first pass, and says now and then why it is not over.
async fn ready(screen: Screen, daemon: &mut Daemon) -> Result<Duration> {
    let mut told = String::new();
    loop {
        if let Ok(ready) = timeout(TELL_EVERY, daemon.ready(FIRST_SYNC)).await {
            return ready;
        }
        let reason = daemon.endpoint("/readyz").await.unwrap_or_default();
        if reason != told {
            screen.whole(reason.trim_end());
            told = reason;
        }
    }
}
