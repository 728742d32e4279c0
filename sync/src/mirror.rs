//! The mirror of one issue file: one task that owns the state, and everything that can start a pass.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use beadlet_store::trace::Watcher;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::chance::chance;
use crate::decide::pace::Pace;
use crate::decide::suspicion::suspects;
use crate::drift::{self, Mailbox};
use crate::report::Report;
use crate::settings::Settings;
use crate::state::State;
use crate::triggers::{self, Fired, Puller, Trigger, Triggers};

/// How long a pass in flight may go on after the stop was asked for. A pod has 30 seconds by default.
const GRACE: Duration = Duration::from_secs(20);
/// How long changes by others are gathered before they are looked at, so that many are one.
const GATHER: Duration = Duration::from_millis(20);
/// After so long without a change by others, the next one is looked at without a wait.
const QUIET: Duration = Duration::from_secs(60);
/// How often somebody else's objects that are in our way are looked at: no watch of ours shows them.
const FOREIGN_INTERVAL: Duration = Duration::from_secs(60);
/// The longest sleep to an instant of the wall clock, which may be set.
const LONGEST_NAP: Duration = Duration::from_secs(60);

/// One issue file in git, kept as ConfigMaps in one namespace.
pub struct Mirror {
    state: State,
    puller: Puller,
    triggers: Triggers,
}

/// What runs beside the loop, and what it has to look after.
struct Surroundings {
    mailbox: Mailbox,
    /// The watch on the cluster; ends when dropped.
    watch: JoinSet<()>,
    /// What looks at the repository; ends when dropped.
    looks: Option<DropGuard>,
    tasks: JoinSet<()>,
    suspects: HashSet<Box<str>>,
    check_at: Option<Instant>,
    drift: Pace,
    last_drift: Option<Instant>,
    foreign_at: Option<Instant>,
}

/// What woke the loop.
enum Wake {
    Stop,
    Settings,
    Fired(Fired),
    Letters,
    Timer,
}

impl Mirror {
    /// Touches neither the repository nor the cluster.
    #[must_use]
    pub fn new(client: kube::Client, settings: Settings) -> Self {
        let (puller, triggers) = Triggers::channel();
        Self {
            state: State::new(client, settings),
            puller,
            triggers,
        }
    }

    /// Tells `watcher` of the issues that become ready.
    #[must_use]
    pub fn traced(mut self, watcher: Watcher) -> Self {
        self.state.watcher = watcher;
        self
    }

    /// Starts passes from outside: a signal, a webhook, a person.
    #[must_use]
    pub fn puller(&self) -> Puller {
        self.puller.clone()
    }

    /// One pass, for a CronJob. The report's `last_pass` says how it went. Dropping the future ends the pass between two writes.
    pub async fn once(&mut self) -> Report {
        self.puller.pull(Trigger::Start);
        let fired = self.triggers.next().await;
        self.state.round(fired).await;
        self.state.report.clone()
    }

    /// Passes until `stop` is cancelled, and then finishes the one in flight (for at most 20 seconds). Watches the repository
    /// and the cluster by itself. A pass that found nothing to do updates the report without a notice.
    pub async fn run(
        mut self,
        mut settings: watch::Receiver<Settings>,
        report: watch::Sender<Report>,
        stop: CancellationToken,
    ) {
        let mut around = Surroundings::new();
        around.look_at_repository(self.state.settings(), &self.puller, &stop);
        self.puller.pull(Trigger::Start);
        loop {
            let wake = self.wake(&mut settings, &around, &stop).await;
            let news = match wake {
                Wake::Stop => break,
                Wake::Settings => {
                    let new = settings.borrow_and_update().clone();
                    self.change(new, &mut around, &stop);
                    false
                }
                Wake::Fired(fired) => {
                    let round = tokio::select! {
                        news = self.state.round(fired) => news,
                        () = overdue(&stop) => break,
                    };
                    if fired.contains(Trigger::Poke) || fired.contains(Trigger::Signal) {
                        around.foreign_at = Some(Instant::now());
                    }
                    round
                }
                Wake::Letters => self.read_letters(&mut around),
                Wake::Timer => self.on_timer(&mut around).await,
            };
            around.keep_watching(&self.state);
            publish(&report, &self.state.report, news);
        }
        tracing::info!("mirror stopped");
    }

    async fn wake(
        &mut self,
        settings: &mut watch::Receiver<Settings>,
        around: &Surroundings,
        stop: &CancellationToken,
    ) -> Wake {
        let nap = self
            .next_timer(around)
            .map(|at| at.saturating_duration_since(Instant::now()));
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            Ok(()) = settings.changed() => Wake::Settings,
            fired = self.triggers.next() => Wake::Fired(fired),
            () = around.mailbox.posted() => Wake::Letters,
            () = tokio::time::sleep(nap.unwrap_or(LONGEST_NAP).min(LONGEST_NAP)) => Wake::Timer,
        }
    }

    /// The next instant at which something is due by itself.
    fn next_timer(&self, around: &Surroundings) -> Option<Instant> {
        let clock = self
            .state
            .report
            .next_change
            .map(|at| Instant::now() + until(at));
        let due = [
            clock,
            self.state.retry_at,
            around.check_at,
            around.foreign_at,
        ];
        due.into_iter().flatten().min()
    }

    fn change(&mut self, new: Settings, around: &mut Surroundings, stop: &CancellationToken) {
        if self.state.change(new) {
            around.forget_cluster();
        }
        around.look_at_repository(self.state.settings(), &self.puller, stop);
        self.puller.pull(Trigger::Poke);
    }

    /// What the watch saw; only what we did not do ourselves is looked at.
    fn read_letters(&mut self, around: &mut Surroundings) -> bool {
        let letters = around.mailbox.take();
        let report = &mut self.state.report;
        let news = report.watching != letters.watching;
        report.watching = letters.watching;
        report.totals.watch_restarts += letters.restarts;
        if let Some(observed) = self.state.observed() {
            around
                .suspects
                .extend(suspects(observed, &letters.seen, letters.census.as_ref()));
        }
        around.plan_check();
        news
    }

    async fn on_timer(&mut self, around: &mut Surroundings) -> bool {
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if self
            .state
            .report
            .next_change
            .is_some_and(|at| at <= Timestamp::now())
        {
            self.state.report.next_change = None;
            self.puller.pull(Trigger::Clock);
        }
        if due(around.foreign_at) {
            around.suspects.extend(self.state.foreign());
            around.foreign_at = None;
            around.check_at = Some(now);
        }
        if due(around.check_at) && !self.state.settings().suspend {
            self.check(around).await;
        }
        if due(self.state.retry_at) {
            self.state.retry_at = None;
            return self.state.round(Fired::default()).await;
        }
        false
    }

    async fn check(&mut self, around: &mut Surroundings) {
        let names: Vec<_> = around.suspects.iter().cloned().collect();
        match self.state.check(&names).await {
            Ok(differs) => {
                around.suspects.clear();
                around.checked(differs);
                if differs {
                    tracing::info!(
                        objects = names.len(),
                        "objects were changed by somebody else"
                    );
                    self.puller.pull(Trigger::Drift);
                }
            }
            Err(fault) => {
                tracing::warn!(reason = fault.reason().as_str(), error = %fault, "changed objects could not be read");
                around.check_at = Some(Instant::now() + around.drift.fail(chance()));
            }
        }
    }
}

impl Surroundings {
    fn new() -> Self {
        Self {
            mailbox: Mailbox::default(),
            watch: JoinSet::new(),
            looks: None,
            tasks: JoinSet::new(),
            suspects: HashSet::new(),
            check_at: None,
            drift: Pace::new(Duration::from_millis(100), Duration::from_secs(30)),
            last_drift: None,
            foreign_at: None,
        }
    }

    /// Starts what looks at the repository, and ends what did so before.
    fn look_at_repository(
        &mut self,
        settings: &Settings,
        puller: &Puller,
        stop: &CancellationToken,
    ) {
        let token = stop.child_token();
        self.looks = Some(token.clone().drop_guard());
        self.tasks.spawn(triggers::poll(
            settings.sync_interval,
            puller.clone(),
            token.clone(),
        ));
        if let Some(path) = settings.source.url.local_path() {
            self.tasks
                .spawn(triggers::watch(path.to_owned(), puller.clone(), token));
        }
        while self.tasks.try_join_next().is_some() {}
    }

    fn forget_cluster(&mut self) {
        self.watch = JoinSet::new();
        self.mailbox = Mailbox::default();
        self.suspects.clear();
        self.check_at = None;
        self.foreign_at = None;
    }

    /// Starts the watch once it is known from where, and looks after what no watch shows.
    fn keep_watching(&mut self, state: &State) {
        if let (true, Some(from)) = (self.watch.is_empty(), &state.listed_at) {
            self.watch.spawn(drift::watch(
                state.beads().clone(),
                from.clone(),
                self.mailbox.clone(),
            ));
        }
        if state.report.foreign.is_empty() {
            self.foreign_at = None;
        } else {
            self.foreign_at
                .get_or_insert_with(|| Instant::now() + FOREIGN_INTERVAL);
        }
    }

    fn plan_check(&mut self) {
        if self.suspects.is_empty() || self.check_at.is_some() {
            return;
        }
        let now = Instant::now();
        if self.last_drift.is_none_or(|last| now - last > QUIET) {
            self.drift.succeed();
        }
        let wait = self.last_drift.map_or(GATHER, |last| {
            let next = last + self.drift.wait();
            next.saturating_duration_since(now).max(GATHER)
        });
        self.check_at = Some(now + wait);
    }

    fn checked(&mut self, differs: bool) {
        self.check_at = None;
        if differs {
            self.last_drift = Some(Instant::now());
            self.drift.fail(chance());
        }
    }
}

async fn overdue(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
    tracing::warn!("pass is cut short, the next start goes on with it");
}

fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
}

fn publish(to: &watch::Sender<Report>, report: &Report, news: bool) {
    to.send_if_modified(|shown| {
        shown.clone_from(report);
        news
    });
}
