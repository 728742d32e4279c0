//! What a mirror knows, and one round of work on it: look at the branch, read, write, report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use beadlet_store::cluster::{Beads, Fault, ResourceVersion};
use beadlet_store::trace::Watcher;
use jiff::Timestamp;

use crate::apply::{Applied, Traces, Writer};
use crate::condition::{ConditionType, Reason};
use crate::decide::errand::{Errand, Progress, errand, must_read};
use crate::decide::observed::Observed;
use crate::decide::pace::Pace;
use crate::git::{CommitId, GitError, Repository, Snapshot, Tip};
use crate::observe;
use crate::pass::{Broken, Findings, Job, Passed, pass};
use crate::report::Report;
use crate::settings::Settings;
use crate::triggers::{Fired, Trigger};

/// More objects than this are not read one by one, but all together.
const MANY: usize = 100;

/// The state of one mirror. One task owns it.
pub(crate) struct State {
    client: kube::Client,
    settings: Arc<Settings>,
    repository: Repository,
    writer: Writer,
    /// `None` until the cluster was read, and after a pass that broke.
    observed: Option<Observed>,
    /// Where a watch has to begin so that it misses nothing since the cluster was read.
    pub(crate) listed_at: Option<ResourceVersion>,
    /// The revision that the cluster shows, or would show if all writes had gone well.
    shown: Option<Tip>,
    /// All writes for `shown` went well.
    complete: bool,
    pub(crate) refused: Option<Refused>,
    pub(crate) pace: Pace,
    /// When to try again after a failure.
    pub(crate) retry_at: Option<Instant>,
    pub(crate) report: Report,
    pub(crate) watcher: Watcher,
}

/// A revision that waits for a person or for another commit.
pub(crate) struct Refused {
    commit: CommitId,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// The revision that a pass is about.
struct Target {
    tip: Tip,
    /// Whether the branch stands there; `false` for the last good revision while a newer one is refused.
    newest: bool,
}

/// What a round came to.
enum Step {
    /// The newest revision is still refused.
    Idle,
    /// The cluster shows the newest revision already.
    Current,
    Passed(Box<PassedStep>),
}

/// A pass that ran to its end, and whether it was about the newest revision.
pub(crate) struct PassedStep {
    pub(crate) snapshot: Snapshot,
    pub(crate) newest: bool,
    pub(crate) findings: Findings,
    pub(crate) applied: Applied,
}

/// Why a round came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Source(GitError),
    #[error(transparent)]
    Cluster(Fault),
    #[error(transparent)]
    Broken(Broken),
}

impl State {
    pub(crate) fn new(client: kube::Client, settings: Settings) -> Self {
        let settings = Arc::new(settings);
        Self {
            repository: Repository::open(settings.source.clone()),
            writer: writer(&client, &settings),
            client,
            settings,
            observed: None,
            listed_at: None,
            shown: None,
            complete: false,
            refused: None,
            pace: Pace::new(Duration::from_secs(1), Duration::from_secs(60)),
            retry_at: None,
            report: starting(),
            watcher: None,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn beads(&self) -> &Beads {
        &self.writer.beads
    }

    pub(crate) fn observed(&self) -> Option<&Observed> {
        self.observed.as_ref()
    }

    /// The names that we want and that somebody else's objects hold.
    pub(crate) fn foreign(&self) -> Vec<Box<str>> {
        self.observed
            .iter()
            .flat_map(Observed::foreign_names)
            .map(Into::into)
            .collect()
    }

    /// Takes new settings. Says whether they are about other objects, so that what is known of the cluster is void.
    pub(crate) fn change(&mut self, settings: Settings) -> bool {
        let settings = Arc::new(settings);
        let (new, old) = (&settings.scope, &self.settings.scope);
        let moved =
            (&new.namespace, &new.store, &new.owner) != (&old.namespace, &old.store, &old.owner);
        if moved {
            self.observed = None;
            self.listed_at = None;
        }
        self.repository = Repository::open(settings.source.clone());
        self.writer = writer(&self.client, &settings);
        self.settings = settings;
        self.complete = false;
        self.refused = None;
        self.retry_at = None;
        self.pace.succeed();
        moved
    }

    /// Does what `fired` asks for, and says in the report how it went. Gives whether the report has news.
    pub(crate) async fn round(&mut self, fired: Fired) -> bool {
        let started = Instant::now();
        if self.settings.suspend {
            return self.suspend();
        }
        let progress = Progress {
            shows_revision: self.shown.is_some(),
            waits: self.retry_at.is_some_and(|at| started < at),
        };
        let errand = errand(fired, progress);
        if errand == Errand::Nothing {
            return false;
        }
        match self.step(fired, errand).await {
            Ok(Step::Idle) => false,
            Ok(Step::Current) => self.end_current(fired, started),
            Ok(Step::Passed(passed)) => self.end_passed(fired, started, *passed),
            Err(trouble) => self.end_trouble(fired, started, &trouble),
        }
    }

    async fn step(&mut self, fired: Fired, errand: Errand) -> Result<Step, Trouble> {
        let begin = Timestamp::now();
        let mut target = match (errand, &self.shown) {
            (Errand::Redo, Some(shown)) => Target {
                tip: shown.clone(),
                newest: self.refused.is_none(),
            },
            _ => match self.look(fired).await? {
                Ok(target) => target,
                Err(step) => return Ok(step),
            },
        };
        let snapshot = self
            .repository
            .fetch(&target.tip)
            .await
            .map_err(Trouble::Source)?;
        // The branch may have moved on meanwhile.
        target.tip.commit = snapshot.commit;
        let writer = Writer {
            traces: self.traces(begin, snapshot.commit),
            ..self.writer.clone()
        };
        let job = Job {
            snapshot: snapshot.clone(),
            observed: self.observe().await.map_err(Trouble::Cluster)?,
            settings: Arc::clone(&self.settings),
            now: Timestamp::now(),
        };
        let Passed {
            observed,
            findings,
            applied,
        } = pass(job, &writer).await.map_err(Trouble::Broken)?;
        self.observed = Some(observed);
        let newest = target.newest;
        self.take(target, &findings, &applied);
        Ok(Step::Passed(Box::new(PassedStep {
            snapshot,
            newest,
            findings,
            applied,
        })))
    }

    /// The revision to read; or the end of the round, where there is none.
    async fn look(&mut self, fired: Fired) -> Result<Result<Target, Step>, Trouble> {
        let tip = self.repository.tip().await.map_err(Trouble::Source)?;
        let asked = [Trigger::Start, Trigger::Signal, Trigger::Poke]
            .iter()
            .any(|&t| fired.contains(t));
        if self
            .refused
            .as_ref()
            .is_some_and(|r| r.commit == tip.commit)
            && !asked
        {
            let unfinished = self.shown.clone().filter(|_| !self.complete);
            return Ok(unfinished
                .map(|tip| Target { tip, newest: false })
                .ok_or(Step::Idle));
        }
        let current = self.complete && self.refused.is_none() && self.shown.as_ref() == Some(&tip);
        if current && !must_read(fired) {
            return Ok(Err(Step::Current));
        }
        if !current {
            self.report.behind_since.get_or_insert_with(Timestamp::now);
        }
        Ok(Ok(Target { tip, newest: true }))
    }

    /// What a pass that began then tells of what it writes, where somebody wants to know.
    fn traces(&self, begin: Timestamp, commit: CommitId) -> Option<Traces> {
        let watcher = Arc::clone(self.watcher.as_ref()?);
        Some(Traces {
            watcher,
            begin: self.report.behind_since.unwrap_or(begin),
            commit,
        })
    }

    async fn observe(&mut self) -> Result<Observed, Fault> {
        if let Some(observed) = self.observed.take() {
            return Ok(observed);
        }
        let (observed, version) = observe::everything(&self.writer.beads).await?;
        self.listed_at = Some(version);
        Ok(observed)
    }

    /// Reads objects that somebody else may have changed. Gives whether one of them is not what we left there.
    ///
    /// # Errors
    /// What the API server says.
    pub(crate) async fn check(&mut self, names: &[Box<str>]) -> Result<bool, Fault> {
        let Some(observed) = &mut self.observed else {
            return Ok(false);
        };
        if names.len() <= MANY {
            let news = observe::some(&self.writer.beads, names, observed).await?;
            return Ok(news > 0);
        }
        let (observed, _) = observe::everything(&self.writer.beads).await?;
        self.observed = Some(observed);
        Ok(true)
    }

    fn take(&mut self, target: Target, findings: &Findings, applied: &Applied) {
        if let Some((reason, message)) = &findings.held {
            self.refused = Some(Refused {
                commit: target.tip.commit,
                reason: *reason,
                message: message.clone(),
            });
            return;
        }
        self.complete = applied.is_complete() && findings.terminating == 0;
        if target.newest {
            self.refused = None;
        }
        self.shown = Some(target.tip);
    }
}

fn starting() -> Report {
    let mut report = Report::default();
    let message = "the first pass has not ended yet";
    report.conditions.set(
        ConditionType::Ready,
        false,
        Reason::Starting,
        message,
        Timestamp::now(),
    );
    report
}

fn writer(client: &kube::Client, settings: &Settings) -> Writer {
    Writer {
        beads: Beads::new(client.clone(), &settings.scope),
        scope: Arc::new(settings.scope.clone()),
        concurrency: settings.concurrency,
        traces: None,
    }
}
