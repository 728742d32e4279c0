//! One pass over one revision: read it, decide, write.
//!
//! Reading and rendering run on a thread of their own, which hands each changed object over as it is needed. So a pass never
//! holds more than the file, what is parsed of it, and a few objects.

use std::sync::Arc;

use beadlet_store::cluster::{Identity, Prior};
use beadlet_store::configmap::Renderer;
use beadlet_store::reader::{Reading, Rejected, Warning};
use futures::Stream;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::apply::{Applied, Change, Writer};
use crate::condition::Reason;
use crate::decide::guard::{Rules, Verdict};
use crate::decide::observed::Observed;
use crate::decide::plan::Plan;
use crate::decide::revision::{Decision, Revision, refusal_reason};
use crate::git::Snapshot;
use crate::report::{Bounded, Contents};
use crate::settings::Settings;

/// What one pass needs.
pub(crate) struct Job {
    pub(crate) snapshot: Snapshot,
    pub(crate) observed: Observed,
    pub(crate) settings: Arc<Settings>,
    pub(crate) now: Timestamp,
}

/// What one pass found and did.
pub(crate) struct Passed {
    pub(crate) observed: Observed,
    pub(crate) findings: Findings,
    pub(crate) applied: Applied,
}

/// What the revision says.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Why nothing of the revision was applied.
    pub(crate) held: Option<(Reason, String)>,
    pub(crate) contents: Contents,
    pub(crate) rejected: Bounded<Rejected>,
    pub(crate) warnings: Bounded<Warning>,
    pub(crate) dolt_commit: Option<String>,
    pub(crate) next_change: Option<Timestamp>,
    pub(crate) unchanged: usize,
    /// Wanted objects that are being deleted.
    pub(crate) terminating: usize,
}

/// What the thread gives away before it renders what has changed.
struct Decided {
    observed: Observed,
    findings: Findings,
    deletions: Vec<(Box<str>, Identity)>,
}

/// The thread of the pass has died.
#[derive(Debug, thiserror::Error)]
#[error("reading the file broke down; please report this with the file")]
pub(crate) struct Broken;

/// Runs the pass. Dropping the future ends it between two writes.
///
/// # Errors
/// When the thread that reads has panicked.
pub(crate) async fn pass(job: Job, writer: &Writer) -> Result<Passed, Broken> {
    let (decided_in, decided) = oneshot::channel();
    // As many as can be written at once wait ready, so that neither side waits for the other.
    let (changes_in, changes) = mpsc::channel(writer.concurrency.get());
    let thread = spawn_blocking(move || work(job, decided_in, &changes_in));
    let Decided {
        mut observed,
        findings,
        deletions,
    } = decided.await.map_err(|_| Broken)?;
    let applied = writer
        .apply(stream(changes), deletions, &mut observed)
        .await;
    thread.await.map_err(|_| Broken)?;
    Ok(Passed {
        observed,
        findings,
        applied,
    })
}

fn stream(changes: mpsc::Receiver<Change>) -> impl Stream<Item = Change> {
    futures::stream::unfold(changes, |mut changes| async {
        let change = changes.recv().await?;
        Some((change, changes))
    })
}

fn work(job: Job, decided: oneshot::Sender<Decided>, changes: &mpsc::Sender<Change>) {
    let Job {
        snapshot,
        observed,
        settings,
        now,
    } = job;
    let scope = &settings.scope;
    let revision = match Revision::read(
        &snapshot.file,
        snapshot.tracker_config.as_deref(),
        scope,
        now,
    ) {
        Ok(revision) => revision,
        Err(refusal) => {
            let held = Some((
                refusal_reason(&refusal),
                refused_message(&snapshot, &refusal),
            ));
            let findings = Findings {
                held,
                ..Findings::default()
            };
            let deletions = Vec::new();
            // The other end is gone when the pass was given up.
            let _ = decided.send(Decided {
                observed,
                findings,
                deletions,
            });
            return;
        }
    };
    let renderer = revision.renderer(scope);
    let decision = revision.decide(
        &renderer,
        &observed,
        &snapshot.commit.to_string(),
        &rules(&settings),
    );
    let findings = findings(&revision, &decision);
    let updates = priors(&decision, &observed);
    let deletions = deletions(&decision.plan, &observed);
    let creations = decision.plan.create.clone();
    drop(decision);
    if decided
        .send(Decided {
            observed,
            findings,
            deletions,
        })
        .is_err()
    {
        return;
    }
    hand_over(&revision, &renderer, creations, updates, changes);
}

fn hand_over(
    revision: &Revision<'_>,
    renderer: &Renderer<'_>,
    creations: Vec<usize>,
    updates: Vec<(usize, Prior)>,
    changes: &mpsc::Sender<Change>,
) {
    let updates = updates.into_iter().map(|(at, prior)| (at, Some(prior)));
    for (at, prior) in updates.chain(creations.into_iter().map(|at| (at, None))) {
        let bead = renderer.desired(revision.mirrored.issues[at]);
        if changes.blocking_send(Change { bead, prior }).is_err() {
            return;
        }
    }
}

fn rules(settings: &Settings) -> Rules<'_> {
    Rules {
        prune: settings.prune,
        rejected_lines: settings.rejected_lines,
        allow_delete: settings.allow_delete.as_deref(),
    }
}

fn findings(revision: &Revision<'_>, decision: &Decision) -> Findings {
    let Decision {
        verdict,
        plan,
        wanted: _,
    } = decision;
    Findings {
        held: match verdict {
            Verdict::Held { reason, message } => Some((*reason, message.clone())),
            Verdict::Apply | Verdict::ApplyWithoutDeletions => None,
        },
        contents: revision.contents(),
        rejected: revision.reading.rejected.iter().cloned().collect(),
        warnings: oddities(&revision.reading).collect(),
        dolt_commit: revision.reading.dolt_commit.clone(),
        next_change: revision.next_change(),
        unchanged: plan.unchanged,
        terminating: plan.terminating.len(),
    }
}

/// What a person may want to mend: the reader's warnings, and the rows that do not count.
fn oddities(reading: &Reading<'_>) -> impl Iterator<Item = Warning> {
    let duplicates = reading.duplicates.iter().map(|row| Warning {
        line: row.line,
        message: format!(
            "another line of issue {} is newer, so this one does not count",
            row.id
        ),
    });
    reading.warnings.iter().cloned().chain(duplicates)
}

fn priors(decision: &Decision, observed: &Observed) -> Vec<(usize, Prior)> {
    let prior = |&at: &usize| Some((at, observed.prior(&decision.wanted[at].name)?));
    decision.plan.update.iter().filter_map(prior).collect()
}

fn deletions(plan: &Plan, observed: &Observed) -> Vec<(Box<str>, Identity)> {
    let prior = |name: &str| Some((name.into(), observed.prior(name)?.identity));
    plan.delete.iter().filter_map(|name| prior(name)).collect()
}

fn refused_message(snapshot: &Snapshot, refusal: &dyn std::error::Error) -> String {
    let Snapshot { commit, path, .. } = snapshot;
    let commit = commit.to_string();
    format!(
        "{path} in commit {commit:.12} is not used, the last good state stays: {refusal}; mend the file and commit it"
    )
}
