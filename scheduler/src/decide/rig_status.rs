//! What a Rig's status says.

use std::collections::BTreeSet;

use beadlet_store::kinds::{Rig, RigPhase, RigStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::condition::{self, READY, RECONCILING, STALLED, Said};
use super::dispatch::Plan;
use super::slot::Slot;
use super::window::Doors;

/// What a Rig's status is made from, beside its plan.
#[derive(Debug)]
pub struct Account<'a> {
    pub rig: &'a Rig,
    /// Polecats whose agent runs.
    pub running: usize,
    /// Convoys with open beads that lead to this Rig.
    pub active_convoys: usize,
    /// Why the last pass could not do what it should, for people.
    pub trouble: Option<&'a Trouble>,
    pub now: Timestamp,
}

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// CamelCase.
    pub reason: &'static str,
    pub message: String,
}

/// The status after `plan`.
#[must_use]
pub fn status(account: &Account<'_>, plan: &Plan<'_>) -> RigStatus {
    let mut status = base(account);
    status.slots = Some(plan.slots.iter().map(ToString::to_string).collect());
    status.polecat_count = number(plan.slots.len());
    status.queued = number(plan.queued());
    status.waiting = plan.waiting();
    status.next_window = match plan.doors {
        Some(Doors::Closed { until }) => until.map(Time),
        _ => None,
    };
    let message = format!(
        "{} of {} polecats work, {} wait",
        plan.slots.len(),
        account.rig.spec.settings.limit(),
        plan.queued()
    );
    say(account, &mut status, "Dispatching", message);
    status
}

/// The status of a Rig whose rules cannot be followed: what works goes on, its slots stay, nothing new starts.
#[must_use]
pub fn unplanned(account: &Account<'_>, slots: &[Slot]) -> RigStatus {
    let mut status = base(account);
    status.slots = Some(slots.iter().map(ToString::to_string).collect());
    status.polecat_count = number(slots.len());
    say(account, &mut status, "Dispatching", String::new());
    status
}

fn base(account: &Account<'_>) -> RigStatus {
    let mut status = account.rig.status.clone().unwrap_or_default();
    status.observed_generation = account.rig.metadata.generation;
    status.running = number(account.running);
    status.active_convoys = number(account.active_convoys);
    status.phase = Some(if account.trouble.is_some() {
        RigPhase::Degraded
    } else {
        RigPhase::Ready
    });
    status
}

fn say(account: &Account<'_>, status: &mut RigStatus, reason: &'static str, message: String) {
    let (is_well, reason, message) = match account.trouble {
        None => (true, reason, message),
        Some(trouble) => (false, trouble.reason, trouble.message.clone()),
    };
    let said = |type_, status| Said::new(type_, status, reason, message.clone());
    for said in [
        said(READY, is_well),
        said(RECONCILING, false),
        said(STALLED, !is_well),
    ] {
        condition::set(
            &mut status.conditions,
            &said,
            account.rig.metadata.generation,
            account.now,
        );
    }
}

fn number(n: usize) -> Option<i64> {
    i64::try_from(n).ok()
}

/// Whether the difference is one that others wait for. The rest is written with it, or a little later: counts change with every step of
/// every polecat.
#[must_use]
pub fn is_urgent(before: Option<&RigStatus>, after: &RigStatus) -> bool {
    let Some(before) = before else { return true };
    let set = |status: &RigStatus| -> Option<BTreeSet<String>> {
        status
            .slots
            .as_ref()
            .map(|slots| slots.iter().cloned().collect())
    };
    let said = |status: &RigStatus| -> Vec<(String, String, String)> {
        status
            .conditions
            .iter()
            .map(|c| (c.type_.clone(), c.status.clone(), c.reason.clone()))
            .collect()
    };
    set(before) != set(after)
        || said(before) != said(after)
        || before.observed_generation != after.observed_generation
}
