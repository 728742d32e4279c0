//! Commits to the issue file what Polecats do with its issues.
//!
//! Nothing is remembered: what to write is the difference between what the Polecats say and what the file says, looked for again after
//! each. So a commit that was lost is made again, and one that arrived is not.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use beadlet_store::kinds::Polecat;
use beadlet_store::trace::{Watcher, attribute};
use futures::StreamExt;
use jiff::Timestamp;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::chance::chance;
use crate::decide::pace::Pace;
use crate::decide::writeback::{
    Commit, Done, Mode, Offer, Revised, Trouble, Word, Written, check, message, offer, offered,
    revise, spans, summary, words,
};
use crate::git::{
    Aside, Author, CommitId, GitError, Onto, Published, Repository, Revision, Snapshot, Tip,
};
use crate::report::Report;
use crate::settings::{Settings, WriteBack};
use crate::triggers::{Puller, Trigger};

/// How long changes are gathered, so that many are one commit.
const GATHER: Duration = Duration::from_secs(1);
/// The least time from one commit to the next: while much is going on, the history is not longer than people can read.
const SPACING: Duration = Duration::from_secs(5);
/// How often a commit is made anew because somebody else was faster.
const RACES: usize = 8;
/// The reason for which a commit that was made anew that often was given up for now.
const BRANCH_MOVING: &str = "BranchMoving";
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The Polecats of the cluster, or of one namespace, as they are now. Clones share one watch, which ends with the last.
#[derive(Clone)]
pub(crate) struct Polecats {
    known: Store<Polecat>,
    changed: watch::Receiver<()>,
    _watch: Arc<AbortOnDropHandle<()>>,
}

impl Polecats {
    pub(crate) fn watch(client: Client, namespace: Option<&str>) -> Self {
        let api: Api<Polecat> = match namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let (known, writer) = reflector::store();
        let (tell, changed) = watch::channel(());
        let watching = async move {
            let events = watcher(api, watcher::Config::default())
                .default_backoff()
                .reflect(writer);
            events
                .for_each(|event| {
                    match event {
                        Ok(_) => tell.send_replace(()),
                        Err(error) => tracing::warn!(%error, "polecats cannot be watched"),
                    }
                    std::future::ready(())
                })
                .await;
        };
        Self {
            known,
            changed,
            _watch: Arc::new(AbortOnDropHandle::new(tokio::spawn(watching))),
        }
    }
}

/// What all scribes of a controller share.
pub(crate) struct Desk {
    pub(crate) client: Client,
    /// All namespaces when `None`.
    pub(crate) namespace: Option<String>,
    /// Who commits where a BeadStore names nobody.
    pub(crate) author: Author,
    /// Watched from the first BeadStore on that wants it: a controller that only mirrors needs no right to it.
    pub(crate) polecats: OnceLock<Polecats>,
    /// Who wants to see spans.
    pub(crate) watcher: Watcher,
}

impl Desk {
    fn polecats(&self) -> Polecats {
        let watch = || Polecats::watch(self.client.clone(), self.namespace.as_deref());
        self.polecats.get_or_init(watch).clone()
    }
}

/// Writes into one issue file.
pub(crate) struct Scribe {
    repository: Repository,
    orders: WriteBack,
    author: Author,
    namespace: String,
    polecats: Polecats,
    watcher: Watcher,
    /// Of the mirror: what was written is looked at.
    puller: Puller,
    /// What was dealt with: the words, and the commit that they were compared with.
    settled: Option<(Arc<[Word]>, CommitId)>,
}

impl Scribe {
    /// Touches neither the repository nor the cluster.
    pub(crate) fn new(settings: &Settings, orders: WriteBack, desk: &Desk, puller: Puller) -> Self {
        let author = orders.author.clone();
        Self {
            repository: Repository::open(settings.source.clone()),
            author: author.unwrap_or_else(|| desk.author.clone()),
            orders,
            namespace: settings.scope.namespace.clone(),
            polecats: desk.polecats(),
            watcher: desk.watcher.clone(),
            puller,
            settled: None,
        }
    }

    /// Never ends by itself. Dropped, it stops where it is.
    pub(crate) async fn run(
        mut self,
        mut reports: watch::Receiver<Report>,
        written: watch::Sender<Written>,
    ) {
        let mut pace = Pace::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut mirrored = None;
        loop {
            let outcome = self.write().await;
            let next = Instant::now() + SPACING;
            let pause = match &outcome {
                Ok(_) => {
                    pace.succeed();
                    None
                }
                Err(trouble) => {
                    tracing::warn!(
                        reason = trouble.reason,
                        error = trouble.message,
                        "not written back"
                    );
                    if trouble.reason == BRANCH_MOVING {
                        // The repository is well, and who waits longer loses more races.
                        pace.succeed();
                    }
                    Some(pace.fail(chance()))
                }
            };
            let has_committed = matches!(outcome, Ok(Some(_)));
            tell(&written, outcome);
            self.wait(&mut reports, &mut mirrored, pause).await;
            tokio::time::sleep(GATHER).await;
            if has_committed {
                tokio::time::sleep_until(next).await;
            }
        }
    }

    /// Waits until there may be something to write.
    async fn wait(
        &mut self,
        reports: &mut watch::Receiver<Report>,
        mirrored: &mut Option<CommitId>,
        pause: Option<Duration>,
    ) {
        let is_news =
            |report: &Report| report.revision.as_ref().map(|revision| revision.commit) != *mirrored;
        tokio::select! {
            _ = self.polecats.changed.changed() => {}
            Ok(report) = reports.wait_for(is_news) => {
                *mirrored = report.revision.as_ref().map(|revision| revision.commit);
            }
            () = tokio::time::sleep(pause.unwrap_or(Duration::MAX)), if pause.is_some() => {}
        }
    }

    /// Brings the file to what the Polecats say.
    async fn write(&mut self) -> Result<Option<Commit>, Trouble> {
        let here = self.polecats_here();
        let words: Arc<[Word]> = words(here.iter().map(AsRef::as_ref), self.orders.mode).into();
        // What a branch of ours holds may have to be taken back.
        if words.is_empty() && !self.orders.mode.closes && self.orders.branch.is_none() {
            return Ok(None);
        }
        for _ in 0..RACES {
            let tip = self.tip().await?;
            if self
                .settled
                .as_ref()
                .is_some_and(|(said, commit)| *commit == tip.commit && *said == words)
            {
                return Ok(None);
            }
            let base = self
                .repository
                .fetch(&tip)
                .await
                .map_err(|error| trouble(&error))?;
            let (draft, refused) = match self.orders.branch.clone() {
                None => self.draft(&base, &words).await?,
                Some(branch) => self.draft_aside(&base, &words, branch).await?,
            };
            let Some(draft) = draft else {
                self.settled = Some((words, base.commit));
                return refused.map_or(Ok(None), Err);
            };
            if let Some(commit) = self.commit(&base, draft).await? {
                return Ok(Some(commit));
            }
        }
        Err(Trouble::new(
            BRANCH_MOVING,
            format!("the branch moved {RACES} times while a commit was on its way to it"),
        ))
    }

    fn polecats_here(&self) -> Vec<Arc<Polecat>> {
        let mut known = self.polecats.known.state();
        known.retain(|polecat| polecat.namespace().as_deref() == Some(&self.namespace));
        known
    }

    async fn tip(&mut self) -> Result<Tip, Trouble> {
        self.repository.tip().await.map_err(|error| trouble(&error))
    }

    /// What comes next on the branch that is read, and what had to be left out of it.
    async fn draft(&self, base: &Snapshot, words: &Arc<[Word]>) -> Result<Drafted, Trouble> {
        let at = Timestamp::now();
        let (revised, refused) = self.revised(base, words, at).await?;
        let draft = (!revised.done.is_empty()).then_some(Draft {
            revised,
            onto: Onto::Branch,
            at,
        });
        Ok((draft, refused))
    }

    /// What takes its place on a branch of ours.
    async fn draft_aside(
        &mut self,
        base: &Snapshot,
        words: &Arc<[Word]>,
        branch: String,
    ) -> Result<Drafted, Trouble> {
        let aside = self.repository.aside(&branch, &base.path).await;
        let aside = aside.map_err(|error| trouble(&error))?;
        // With the instant of the commit that is there: what it says already is said the same way again.
        let now = Timestamp::now();
        let then = aside.as_ref().map_or(now, |aside| aside.at);
        let (mut revised, mut refused) = self.revised(base, words, then).await?;
        match offer(aside.as_ref(), base.commit, &base.file, &revised.file) {
            Offer::Stands => return Ok((None, refused)),
            Offer::Foreign => return Err(foreign(&branch, aside.as_ref())),
            Offer::Replace => {}
        }
        if then != now {
            (revised, refused) = self.revised(base, words, now).await?;
        }
        let old = aside.map(|aside| aside.commit);
        let draft = Draft {
            revised,
            onto: Onto::Aside { branch, old },
            at: now,
        };
        Ok((Some(draft), refused))
    }

    /// The new file, and what had to be left out of it.
    async fn revised(
        &self,
        base: &Snapshot,
        words: &Arc<[Word]>,
        now: Timestamp,
    ) -> Result<(Revised, Option<Trouble>), Trouble> {
        let (file, words, mode) = (base.file.clone(), Arc::clone(words), self.orders.mode);
        tokio::task::spawn_blocking(move || lawful(&file, &words, mode, now))
            .await
            .unwrap_or_else(|_| Err(Trouble::new("Internal", "the new file could not be made")))
    }

    /// Commits. `None` when somebody else was faster.
    async fn commit(&mut self, base: &Snapshot, draft: Draft) -> Result<Option<Commit>, Trouble> {
        let Draft { revised, onto, at } = draft;
        let Revised { file, done, .. } = revised;
        let revision = Revision {
            file,
            author: self.author.clone(),
            at,
            message: match onto {
                Onto::Branch | Onto::Checkout => message(&done),
                Onto::Aside { .. } => offered(&done),
            },
            signing_key: self.orders.signing_key.clone(),
        };
        let subject = subject(&done, &onto);
        let is_mirrored = !matches!(onto, Onto::Aside { .. });
        let published = self.repository.commit(base, revision, onto).await;
        match published.map_err(|error| trouble(&error))? {
            Published::At(id) => {
                if is_mirrored {
                    self.puller.pull(Trigger::Poke);
                }
                self.trace(id, at, &done);
                tracing::info!(commit = %id, beads = done.len(), subject, "written back");
                Ok(Some(Commit { id, at, subject }))
            }
            Published::Moved => Ok(None),
            // Servers say it in their own words when somebody was faster by a moment.
            Published::Refused(_) if self.tip().await?.commit != base.commit => Ok(None),
            Published::Refused(why) => Err(Trouble::new("PushRefused", why)),
        }
    }
}

impl Scribe {
    /// Tells what was written back, in the traces of those whose work it is.
    fn trace(&self, commit: CommitId, begin: Timestamp, done: &[Done]) {
        let Some(watcher) = &self.watcher else {
            return;
        };
        let here = self.polecats_here();
        let here = here.iter().map(AsRef::as_ref);
        for span in spans(here, done, begin, Timestamp::now()) {
            watcher.tell(span.with(attribute::COMMIT, commit.to_string()));
        }
    }
}

/// A commit that is to be made.
struct Draft {
    revised: Revised,
    onto: Onto,
    /// Also of what is closed by it.
    at: Timestamp,
}

/// What to commit, if anything, and what had to be left out.
type Drafted = (Option<Draft>, Option<Trouble>);

/// What a condition says of a commit.
fn subject(done: &[Done], onto: &Onto) -> String {
    match onto {
        Onto::Branch | Onto::Checkout => summary(done),
        Onto::Aside { branch, .. } if done.is_empty() => {
            format!("nothing is left to merge from branch {branch}")
        }
        Onto::Aside { branch, .. } => {
            format!("{}, to be merged from branch {branch}", summary(done))
        }
    }
}

fn foreign(branch: &str, aside: Option<&Aside>) -> Trouble {
    let commit = aside.map(|aside| aside.commit.to_string());
    let message = format!(
        "branch {branch} is at commit {}, which beadlet did not make: delete the branch, or name another one in spec.writeBack.branch",
        commit.unwrap_or_default()
    );
    Trouble::new("BranchNotOurs", message)
}

/// The new file. Beads whose record would break a rule of the tracker are left out of it, and said.
fn lawful(
    file: &[u8],
    words: &[Word],
    mode: Mode,
    now: Timestamp,
) -> Result<(Revised, Option<Trouble>), Trouble> {
    let mut left_out = HashSet::new();
    let mut refused = None;
    loop {
        let revised = revise(file, words, mode, &left_out, now)
            .map_err(|error| Trouble::new("FileUnreadable", error.to_string()))?;
        let violations = if revised.done.is_empty() {
            Vec::new()
        } else {
            check(file, &revised.file, &revised.done)
        };
        let Some(violation) = violations.first() else {
            let stubborn = revised.stubborn.first();
            let stubborn = stubborn
                .map(|(bead, why)| Trouble::new("RecordNotEditable", format!("{bead}: {why}")));
            return Ok((revised, refused.or(stubborn)));
        };
        let trouble = Trouble::new("RuleBroken", violation.to_string());
        match violation.bead() {
            Some(bead) if left_out.insert(bead.clone()) => refused = refused.or(Some(trouble)),
            _ => return Err(trouble),
        }
    }
}

fn trouble(error: &GitError) -> Trouble {
    Trouble::new(error.reason().as_str(), error.to_string())
}

fn tell(written: &watch::Sender<Written>, outcome: Result<Option<Commit>, Trouble>) {
    written.send_if_modified(|shown| {
        let before = shown.clone();
        match outcome {
            Ok(commit) => {
                shown.trouble = None;
                shown.last = commit.or(shown.last.take());
            }
            Err(trouble) => shown.trouble = Some(trouble),
        }
        *shown != before
    });
}
