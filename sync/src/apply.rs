//! The writes of a plan: creations and changes first, deletions last, so many at a time. One that fails does not stop the others,
//! unless its fault is one that all would meet.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use beadlet_store::cluster::{Beads, Fault, Identity, Prior, Verb};
use beadlet_store::configmap::{DesiredBead, Scope};
use beadlet_store::keys::label;
use beadlet_store::trace::{Span, Spans, TraceParent, attribute};
use futures::{Stream, StreamExt};
use jiff::Timestamp;

use crate::decide::observed::Observed;
use crate::git::CommitId;
use crate::report::{Bounded, ObjectFailure, Writes};
use crate::write::{Put, Removed, put, remove};

/// An object to create, or to change when there is a `prior`.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) bead: DesiredBead,
    pub(crate) prior: Option<Prior>,
}

/// What came of the writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    pub(crate) writes: Writes,
    pub(crate) failures: Bounded<ObjectFailure>,
    /// Objects of ours that a finalizer keeps.
    pub(crate) terminating: usize,
    /// What every further write would have met.
    pub(crate) stopped_by: Option<Fault>,
    /// Writes that were not tried, because of [`Self::stopped_by`].
    pub(crate) left: usize,
}

impl Applied {
    /// Whether everything is as the plan wants it.
    pub(crate) fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.terminating == 0 && self.stopped_by.is_none()
    }
}

/// Where the writes of one pass go.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) beads: Beads,
    pub(crate) scope: Arc<Scope>,
    pub(crate) concurrency: NonZeroUsize,
    /// `None` where nobody wants to know.
    pub(crate) traces: Option<Traces>,
}

/// What is told of the issues that one pass makes ready.
#[derive(Clone)]
pub(crate) struct Traces {
    pub(crate) watcher: Arc<dyn Spans>,
    /// When the commit was seen.
    pub(crate) begin: Timestamp,
    pub(crate) commit: CommitId,
}

impl Writer {
    /// Takes `changes` as fast as they can be written, so that whoever makes them need not hold many. What the API server
    /// answers goes into `observed`.
    pub(crate) async fn apply<S>(
        &self,
        changes: S,
        deletions: Vec<(Box<str>, Identity)>,
        observed: &mut Observed,
    ) -> Applied
    where
        S: Stream<Item = Change>,
    {
        let (mut applied, brake) = (Applied::default(), Arc::new(Brake::default()));
        let changes = changes.map(|change| self.clone().change(change, Arc::clone(&brake)));
        let mut changes = pin!(changes.buffer_unordered(self.concurrency.get()));
        while let Some((bead, done)) = changes.next().await {
            if let (Some(traces), Some(Ok(put))) = (&self.traces, &done) {
                traces.tell(&bead, put, &self.scope);
            }
            applied.take_change(&bead, done, observed);
        }
        let deletions = futures::stream::iter(deletions)
            .map(|(name, prior)| self.clone().delete(name, prior, Arc::clone(&brake)));
        let mut deletions = deletions.buffer_unordered(self.concurrency.get());
        while let Some((name, done)) = deletions.next().await {
            applied.take_deletion(&name, done, observed);
        }
        applied.stopped_by = brake.fault();
        applied
    }

    async fn change(
        self,
        change: Change,
        brake: Arc<Brake>,
    ) -> (DesiredBead, Option<Result<Put, Fault>>) {
        let Change { bead, prior } = change;
        let verb = if prior.is_some() {
            Verb::Patch
        } else {
            Verb::Create
        };
        if brake.holds(verb) {
            return (bead, None);
        }
        let done = put(&self.beads, &self.scope, &bead, prior).await;
        brake.learn(verb, done.as_ref().err());
        (bead, Some(done))
    }

    async fn delete(
        self,
        name: Box<str>,
        prior: Identity,
        brake: Arc<Brake>,
    ) -> (Box<str>, Option<Result<Removed, Fault>>) {
        if brake.holds(Verb::Delete) {
            return (name, None);
        }
        let done = remove(&self.beads, &name, prior).await;
        brake.learn(Verb::Delete, done.as_ref().err());
        (name, Some(done))
    }
}

impl Traces {
    /// The first span of the trace of an issue that is ready as it was written now. The others may have no sequel.
    fn tell(&self, bead: &DesiredBead, put: &Put, scope: &Scope) {
        let (Put::Created(identity, _) | Put::Updated(identity, _)) = put else {
            return;
        };
        let is_ready = bead
            .labels
            .get(label::READY)
            .is_some_and(|ready| ready == "true");
        if is_ready {
            self.watcher.tell(Span {
                id: TraceParent::of(&identity.uid, &bead.hash.to_string()),
                parent: None,
                name: "mirror",
                start: self.begin,
                end: Timestamp::now(),
                attributes: vec![
                    (attribute::BEAD, bead.id.to_string()),
                    (attribute::NAMESPACE, scope.namespace.clone()),
                    (attribute::STORE, scope.store.clone()),
                    (attribute::COMMIT, self.commit.to_string()),
                ],
                failure: None,
            });
        }
    }
}

impl Applied {
    fn take_change(
        &mut self,
        bead: &DesiredBead,
        done: Option<Result<Put, Fault>>,
        observed: &mut Observed,
    ) {
        let name = bead.name.as_str();
        match done {
            None => self.left += 1,
            Some(Ok(Put::Created(identity, keys))) => {
                self.writes.created += 1;
                observed.wrote(name, identity, bead.hash, keys);
            }
            Some(Ok(Put::Updated(identity, keys))) => {
                self.writes.updated += 1;
                observed.wrote(name, identity, bead.hash, keys);
            }
            Some(Ok(Put::Foreign(identity))) => observed.is_foreign(name, identity),
            Some(Ok(Put::Terminating(identity))) => {
                self.terminating += 1;
                observed.is_terminating(name, identity);
            }
            Some(Err(fault)) => self.fail(name, &fault),
        }
    }

    fn take_deletion(
        &mut self,
        name: &str,
        done: Option<Result<Removed, Fault>>,
        observed: &mut Observed,
    ) {
        match done {
            None => self.left += 1,
            Some(Ok(Removed::Gone)) => {
                self.writes.deleted += 1;
                observed.is_gone(name);
            }
            // Nobody wants it any more, so it is done with: the finalizer's owner has the last word.
            Some(Ok(Removed::Terminating(identity))) => {
                self.writes.deleted += 1;
                observed.is_terminating(name, identity);
            }
            Some(Ok(Removed::Foreign(identity))) => observed.is_foreign(name, identity),
            Some(Err(fault)) => self.fail(name, &fault),
        }
    }

    fn fail(&mut self, name: &str, fault: &Fault) {
        self.writes.failed += 1;
        self.failures.push(ObjectFailure {
            name: name.to_owned(),
            message: fault.to_string(),
        });
    }
}

/// Stops the writes that would meet a fault which another one met already.
#[derive(Debug, Default)]
struct Brake(Mutex<Braked>);

#[derive(Debug, Default)]
struct Braked {
    /// Found by the writes of this verb.
    verbs: Vec<(Verb, Fault)>,
    all: Option<Fault>,
    /// Failures of the server since the last success.
    in_a_row: usize,
}

/// After so many failures of the server in a row, it is the server and not the objects.
const TOO_MANY: usize = 8;

impl Brake {
    fn holds(&self, verb: Verb) -> bool {
        let braked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        braked.all.is_some() || braked.verbs.iter().any(|(v, _)| *v == verb)
    }

    fn fault(&self) -> Option<Fault> {
        let braked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verb = || braked.verbs.first().map(|(_, fault)| fault.clone());
        braked.all.clone().or_else(verb)
    }

    fn learn(&self, verb: Verb, fault: Option<&Fault>) {
        let mut braked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fault) = fault else {
            braked.in_a_row = 0;
            return;
        };
        match fault {
            Fault::QuotaExceeded { .. } => braked.stop_verb(verb, fault),
            // A role may lack one verb; what was found on the way to it (a look at the object) counts for the write.
            Fault::Forbidden { .. } => braked.stop_verb(verb, fault),
            Fault::NamespaceMissing { .. }
            | Fault::NamespaceTerminating { .. }
            | Fault::Unauthorized
            | Fault::Unreachable { .. }
            | Fault::Throttled { .. } => braked.all = Some(fault.clone()),
            Fault::Server { .. } | Fault::Malformed { .. } => {
                braked.in_a_row += 1;
                if braked.in_a_row >= TOO_MANY {
                    braked.all = Some(fault.clone());
                }
            }
            Fault::AlreadyExists
            | Fault::Conflict
            | Fault::NotFound
            | Fault::Expired
            | Fault::Refused { .. } => {}
        }
    }
}

impl Braked {
    fn stop_verb(&mut self, verb: Verb, fault: &Fault) {
        if !self.verbs.iter().any(|(v, _)| *v == verb) {
            self.verbs.push((verb, fault.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
