//! Tables of `kubectl bead`.

use beadlet_scheduler::decide::attempt::Attempt;
use beadlet_store::kinds::{Convoy, ConvoyPhase, Polecat, PolecatPhase, Rig};
use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::standing::{Placed, Standing};
use crate::view::age::age;
use crate::view::paint::Tone;
use crate::view::table::{Cell, Table};

/// Whether the namespace is a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    Shown,
    Hidden,
}

/// How many columns there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Normal,
    Wide,
}

/// A table whose first column may be the namespace and whose last ones are for wide tables only.
fn table(
    namespaces: Namespaces,
    width: Width,
    [header, wide]: [&[&'static str]; 2],
    rows: impl Iterator<Item = (String, Vec<Cell>)>,
) -> Table {
    let count = match width {
        Width::Normal => header.len(),
        Width::Wide => header.len() + wide.len(),
    };
    let first = (namespaces == Namespaces::Shown).then_some("NAMESPACE");
    let names = header.iter().chain(wide).copied().take(count);
    let row = |(namespace, cells): (String, Vec<Cell>)| {
        let first = first.map(|_| Cell::new(&namespace));
        first
            .into_iter()
            .chain(cells.into_iter().take(count))
            .collect()
    };
    Table {
        header: first.into_iter().chain(names).collect(),
        rows: rows.map(row).collect(),
    }
}

fn tone(standing: &Standing<'_>) -> Tone {
    match standing {
        Standing::UnderWay(_) | Standing::Next => Tone::Good,
        Standing::Waits(_) => Tone::Attention,
        Standing::BadRules(_) => Tone::Bad,
        Standing::Closed | Standing::NotReady(_) => Tone::Normal,
    }
}

/// Beads, a line each.
#[must_use]
pub fn beads(placed: &[&Placed<'_>], namespaces: Namespaces, width: Width) -> Table {
    let row = |placed: &&Placed<'_>| {
        let bead = placed.bead();
        let rig = placed.rig.map(ResourceExt::name_any).unwrap_or_default();
        let cells = vec![
            Cell::new(&bead.key.id),
            Cell::new(&bead.status),
            Cell::new(&bead.issue_type),
            Cell::new(&bead.priority.to_string()),
            Cell::new(&rig),
            Cell::toned(placed.standing.word(), tone(&placed.standing)),
            Cell::new(&bead.title),
            Cell::new(&placed.standing.detail()),
        ];
        (bead.key.namespace.clone(), cells)
    };
    let normal = ["ID", "STATUS", "TYPE", "PRIORITY", "RIG", "STATE", "TITLE"];
    let rows = placed.iter().map(row);
    table(namespaces, width, [&normal, &["WHY"]], rows)
}

/// Polecats, a line each.
#[must_use]
pub fn polecats(polecats: &[&Polecat], now: Timestamp) -> Table {
    let row = |polecat: &&Polecat| {
        let status = polecat.status.clone().unwrap_or_default();
        let result = status.result.unwrap_or_default();
        let cells = vec![
            Cell::new(&polecat.name_any()),
            Cell::new(&polecat.number().to_string()),
            Cell::toned(polecat.phase().as_str(), phase_tone(polecat.phase())),
            Cell::new(status.failure_class.map_or("", |class| class.as_str())),
            Cell::new(result.branch.as_deref().unwrap_or_default()),
            Cell::new(&begun(*polecat, now)),
        ];
        (polecat.namespace().unwrap_or_default(), cells)
    };
    let header = ["POLECAT", "ATTEMPT", "PHASE", "FAILURE", "BRANCH", "AGE"];
    let rows = polecats.iter().map(row);
    table(Namespaces::Hidden, Width::Normal, [&header, &[]], rows)
}

fn phase_tone(phase: PolecatPhase) -> Tone {
    match phase {
        PolecatPhase::Working | PolecatPhase::Done => Tone::Good,
        PolecatPhase::Queued => Tone::Attention,
        PolecatPhase::Failed | PolecatPhase::Stuck => Tone::Bad,
        PolecatPhase::Idle | PolecatPhase::Terminated => Tone::Normal,
    }
}

fn begun(object: &impl Resource<DynamicType = ()>, now: Timestamp) -> String {
    let created = object.meta().creation_timestamp.as_ref();
    created.map_or_else(String::new, |time| age(time.0, now))
}

fn number(count: Option<i64>) -> Cell {
    Cell::new(&count.unwrap_or(0).to_string())
}

/// Rigs with what works and what waits.
#[must_use]
pub fn rigs(rigs: &[&Rig], width: Width) -> Table {
    let row = |rig: &&Rig| {
        let status = rig.status.clone().unwrap_or_default();
        let waiting = |with_first: bool| {
            let one = |waiting: &beadlet_store::kinds::Waiting| {
                let (count, reason) = (waiting.count, waiting.reason.as_str());
                match with_first {
                    true => format!("{reason}: {}", waiting.first),
                    false => format!("{count} {reason}"),
                }
            };
            let all: Vec<String> = status.waiting.iter().map(one).collect();
            Cell::new(&all.join(", "))
        };
        let taken = status.polecat_count.unwrap_or(0);
        let cells = vec![
            Cell::new(&rig.name_any()),
            Cell::new(&format!("{taken}/{}", rig.spec.settings.limit())),
            number(status.running),
            number(status.queued),
            number(status.active_convoys),
            waiting(false),
            waiting(true),
        ];
        (String::new(), cells)
    };
    let normal = ["RIG", "POLECATS", "RUNNING", "QUEUED", "CONVOYS", "WAITING"];
    let rows = rigs.iter().map(row);
    table(Namespaces::Hidden, width, [&normal, &["FIRST"]], rows)
}

/// Convoys, a line each.
#[must_use]
pub fn convoys(convoys: &[&Convoy], namespaces: Namespaces, now: Timestamp) -> Table {
    let row = |convoy: &&Convoy| {
        let status = convoy.status.clone().unwrap_or_default();
        let phase = status.phase.unwrap_or_default();
        let cells = vec![
            Cell::new(&convoy.name_any()),
            Cell::toned(phase.as_str(), convoy_tone(phase)),
            Cell::new(status.progress.as_deref().unwrap_or_default()),
            number(status.running),
            number(status.succeeded),
            number(status.failed),
            Cell::new(&convoy.spec.description),
            Cell::new(&begun(*convoy, now)),
        ];
        (convoy.namespace().unwrap_or_default(), cells)
    };
    let header = [
        "NAME",
        "PHASE",
        "PROGRESS",
        "RUNNING",
        "SUCCEEDED",
        "FAILED",
        "DESCRIPTION",
        "AGE",
    ];
    let rows = convoys.iter().map(row);
    table(namespaces, Width::Normal, [&header, &[]], rows)
}

fn convoy_tone(phase: ConvoyPhase) -> Tone {
    match phase {
        ConvoyPhase::Pending => Tone::Attention,
        ConvoyPhase::InProgress | ConvoyPhase::Complete => Tone::Good,
        ConvoyPhase::Failed => Tone::Bad,
    }
}
