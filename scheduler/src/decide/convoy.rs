//! How far a Convoy is.

use std::collections::BTreeMap;

use beadlet_store::keys::{label, work};
use beadlet_store::kinds::{Convoy, ConvoyPhase, ConvoySpec, ConvoyStatus, Polecat, PolecatPhase};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::attempt::Attempt;
use super::bead::{Bead, BeadKey};
use super::condition::{self, READY, RECONCILING, STALLED, Said};
use super::name::convoy_name;

/// What a Convoy is about, as it was seen.
#[derive(Debug)]
pub struct Batch<'a> {
    pub convoy: &'a Convoy,
    /// The tracked beads that a ConfigMap of the namespace holds.
    pub beads: &'a [&'a Bead],
    /// The Polecats labelled with the convoy's name.
    pub polecats: &'a [&'a Polecat],
    pub now: Timestamp,
}

/// One tracked bead.
struct Member<'a> {
    id: &'a str,
    bead: Option<&'a Bead>,
    /// Its last Polecat of this convoy.
    polecat: Option<&'a Polecat>,
}

impl Member<'_> {
    /// Closed in git; or, where no mirror holds it, worked on with success.
    fn is_completed(&self) -> bool {
        match self.bead {
            Some(bead) => bead.is_closed(),
            None => self.is(&[PolecatPhase::Done]),
        }
    }

    fn is(&self, phases: &[PolecatPhase]) -> bool {
        self.polecat
            .is_some_and(|polecat| phases.contains(&polecat.phase()))
    }

    /// Nothing more happens by itself.
    fn has_failed(&self) -> bool {
        self.is(&[PolecatPhase::Stuck, PolecatPhase::Terminated])
    }
}

/// The status of a Convoy. An empty one is never complete, and neither is one with a member that is still open in git
/// (`spec/beads.md` §5.2).
#[must_use]
pub fn status(batch: &Batch<'_>) -> ConvoyStatus {
    let members = members(batch);
    let count =
        |is: &dyn Fn(&Member<'_>) -> bool| members.iter().filter(|member| is(member)).count();
    let ids = |is: &dyn Fn(&Member<'_>) -> bool| {
        members
            .iter()
            .filter(|member| is(member))
            .map(|member| member.id.to_owned())
            .collect()
    };
    let completed = count(&|member| member.is_completed());
    let phase = phase(batch, &members);
    let mut status = batch.convoy.status.clone().unwrap_or_default();
    status.phase = Some(phase);
    status.progress = Some(format!("{completed}/{}", members.len()));
    status.completed_beads = ids(&|member| member.is_completed());
    status.pending_beads = ids(&|member| !member.is_completed());
    status.unknown_beads = ids(&|member| member.bead.is_none());
    status.total = number(members.len());
    status.succeeded = number(count(&|member| member.is(&[PolecatPhase::Done])));
    status.failed = number(count(&|member| member.has_failed()));
    status.running = number(count(&|member| {
        member.is(&[PolecatPhase::Queued, PolecatPhase::Working])
    }));
    status.observed_generation = batch.convoy.metadata.generation;
    times(&mut status, phase, batch.now);
    conditions(batch, &mut status, phase);
    status
}

/// The tracked beads in their order, each once.
fn members<'a>(batch: &Batch<'a>) -> Vec<Member<'a>> {
    let beads: BTreeMap<&str, &Bead> = batch
        .beads
        .iter()
        .map(|bead| (bead.key.id.as_str(), *bead))
        .collect();
    let mut last: BTreeMap<String, &Polecat> = BTreeMap::new();
    let mut polecats = batch.polecats.to_vec();
    polecats.sort_by_key(|polecat| {
        (
            polecat
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| time.0),
            polecat.number(),
        )
    });
    for polecat in polecats {
        if let Some(BeadKey { id, .. }) = polecat.bead() {
            last.insert(id, polecat);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    let ids = batch
        .convoy
        .spec
        .tracked_beads
        .iter()
        .filter(|id| seen.insert(id.as_str()));
    ids.map(|id| Member {
        id,
        bead: beads.get(id.as_str()).copied(),
        polecat: last.get(id).copied(),
    })
    .collect()
}

fn phase(batch: &Batch<'_>, members: &[Member<'_>]) -> ConvoyPhase {
    let is_open = |member: &&Member<'_>| !member.is_completed();
    let has_begun = !batch.polecats.is_empty() || members.iter().any(Member::is_completed);
    if !members.is_empty() && members.iter().all(Member::is_completed) {
        ConvoyPhase::Complete
    } else if members.iter().any(|member| is_open(&member))
        && members.iter().filter(is_open).all(Member::has_failed)
    {
        ConvoyPhase::Failed
    } else if has_begun && !members.is_empty() {
        ConvoyPhase::InProgress
    } else {
        ConvoyPhase::Pending
    }
}

fn number(n: usize) -> Option<i64> {
    i64::try_from(n).ok()
}

/// A convoy that goes on after it was complete (a bead was opened again, or added) is not completed any more.
fn times(status: &mut ConvoyStatus, phase: ConvoyPhase, now: Timestamp) {
    if phase != ConvoyPhase::Pending {
        status.started_at.get_or_insert(Time(now));
    }
    match phase {
        ConvoyPhase::Complete => {
            status.completed_at.get_or_insert(Time(now));
        }
        _ => status.completed_at = None,
    }
}

fn conditions(batch: &Batch<'_>, status: &mut ConvoyStatus, phase: ConvoyPhase) {
    let progress = status.progress.clone().unwrap_or_default();
    let unknown = match status.unknown_beads.len() {
        0 => String::new(),
        n => format!("; {n} of them are in no mirror of this namespace"),
    };
    let (reason, message) = match phase {
        ConvoyPhase::Complete => ("Complete", format!("all beads are complete ({progress})")),
        ConvoyPhase::Failed => (
            "Failed",
            format!(
                "{progress} beads are complete, and no polecat goes on with the others: look at those that are Stuck{unknown}"
            ),
        ),
        ConvoyPhase::InProgress => (
            "InProgress",
            format!("{progress} beads are complete{unknown}"),
        ),
        ConvoyPhase::Pending if status.total == Some(0) => (
            "Empty",
            "it tracks no beads: an empty convoy is never complete".into(),
        ),
        ConvoyPhase::Pending => ("Pending", format!("no bead was started yet{unknown}")),
    };
    let said = |type_, status| Said::new(type_, status, reason, message.clone());
    let goes_on =
        matches!(phase, ConvoyPhase::InProgress | ConvoyPhase::Pending) && status.total != Some(0);
    for said in [
        said(READY, phase == ConvoyPhase::Complete),
        said(RECONCILING, goes_on),
        said(STALLED, phase == ConvoyPhase::Failed),
    ] {
        condition::set(
            &mut status.conditions,
            &said,
            batch.convoy.metadata.generation,
            batch.now,
        );
    }
}

/// Whom to tell, when a status ends a Convoy that the one before had not ended.
#[must_use]
pub fn notice<'a>(convoy: &'a Convoy, status: &ConvoyStatus) -> Option<&'a str> {
    let has_ended = |phase: Option<ConvoyPhase>| {
        matches!(phase, Some(ConvoyPhase::Complete | ConvoyPhase::Failed))
    };
    let before = convoy.status.as_ref().and_then(|status| status.phase);
    let is_new = has_ended(status.phase) && before != status.phase;
    convoy.spec.notify_on_complete.as_deref().filter(|_| is_new)
}

/// The Convoy object of a convoy that lives in git. `None` for a bead that is no convoy.
#[must_use]
pub fn of_git(bead: &Bead) -> Option<Convoy> {
    if bead.issue_type != "convoy" {
        return None;
    }
    let spec = ConvoySpec {
        description: if bead.title.is_empty() {
            bead.key.id.clone()
        } else {
            bead.title.clone()
        },
        tracked_beads: bead.tracks.clone(),
        ..ConvoySpec::default()
    };
    let mut convoy = Convoy::new(&convoy_name(&bead.key.id), spec);
    convoy.metadata.namespace = Some(bead.key.namespace.clone());
    convoy
        .labels_mut()
        .insert(label::MANAGED_BY.into(), label::MANAGED_BY_BEADLET.into());
    convoy
        .annotations_mut()
        .insert(work::CONVOY_BEAD.into(), bead.key.id.clone());
    Some(convoy)
}

/// What is to be done about the Convoy object of a convoy in git.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    Nothing,
    Create(Box<Convoy>),
    /// Only what comes from git; parallelism and the like are the user's.
    Update {
        description: String,
        tracked_beads: Vec<String>,
    },
    /// The bead is gone.
    Delete,
}

/// Compares a convoy in git with its object. A closed convoy that has no object gets none; an object that somebody else made is left
/// alone.
#[must_use]
pub fn keep(bead: Option<&Bead>, object: Option<&Convoy>) -> Keep {
    let is_ours = |object: &Convoy| object.annotations().contains_key(work::CONVOY_BEAD);
    match (bead.and_then(of_git), object) {
        (Some(wanted), None) if bead.is_some_and(|bead| !bead.is_closed()) => {
            Keep::Create(Box::new(wanted))
        }
        (Some(wanted), Some(object)) if is_ours(object) => {
            let ConvoySpec {
                description,
                tracked_beads,
                ..
            } = wanted.spec;
            if description == object.spec.description && tracked_beads == object.spec.tracked_beads
            {
                Keep::Nothing
            } else {
                Keep::Update {
                    description,
                    tracked_beads,
                }
            }
        }
        (None, Some(object)) if is_ours(object) && object.metadata.deletion_timestamp.is_none() => {
            Keep::Delete
        }
        _ => Keep::Nothing,
    }
}

#[cfg(test)]
mod tests;
