//! What people see.

use serde_json::json;

use super::fixture::{bead, object, polecat, town};
use super::form::Look;
use super::rows::{self, Namespaces, Width};
use super::sheet::sheet;
use super::standing::{standing, standings};
use super::town::Town;
use super::why;
use crate::view::paint::Paint;
use crate::view::table::Header;

const LOOK: Look = Look {
    header: Header::Shown,
    paint: Paint::Plain,
};

fn now() -> jiff::Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// A bead that failed once and works again, one that waits for a place, one that waits for the first.
fn busy() -> Town {
    let careful = json!({"priority": 0, "description": "with\ncare", "labels": ["backend"],
        "dependencies": [{"issue_id": "gt-1", "depends_on_id": "gt-9", "type": "related"}]});
    let mut town = town(
        json!({"settings": {"maxPolecats": 1}}),
        [
            bead("gt-1", careful),
            bead("gt-2", json!({})),
            bead("gt-3", json!({"blocked": "gt-1"})),
        ],
    );
    let failed = json!({"phase": "Failed", "failureClass": "AgentFailed", "finishedAt": "2026-03-02T11:00:00Z"});
    let works = json!({"phase": "Working", "result": {"branch": "polecat/gt-1"}, "conditions": [{
        "type": "Ready", "status": "False", "reason": "Working", "message": "pod p is pending",
        "lastTransitionTime": "2026-03-02T11:59:00Z"}]});
    town.polecats = vec![polecat("gt-1", 1, &failed), polecat("gt-1", 2, &works)];
    town.convoys = vec![object(
        "Convoy",
        json!({"metadata": {"name": "wave"}, "spec": {"description": "Wave 1", "trackedBeads": ["gt-1", "gt-2"]},
            "status": {"phase": "InProgress", "progress": "0/2", "running": 1}}),
    )];
    town.rigs[0].status = serde_json::from_value(
        json!({"polecatCount": 1, "running": 1, "queued": 1, "activeConvoys": 1,
        "waiting": [{"reason": "AtLimit", "count": 1, "first": "gt-2"}]}),
    )
    .unwrap();
    town
}

#[test]
fn tables_of_beads() {
    let town = busy();
    let all = standings(&town, now());
    let all: Vec<_> = all.iter().collect();
    let narrow = rows::beads(&all, Namespaces::Shown, Width::Normal);
    let wide = rows::beads(&all, Namespaces::Hidden, Width::Wide);
    insta::assert_snapshot!(format!("{}\n{}", LOOK.table(&narrow), LOOK.table(&wide)));
}

#[test]
fn tables_of_rigs_and_convoys() {
    let town = busy();
    let (rigs, convoys): (Vec<_>, Vec<_>) =
        (town.rigs.iter().collect(), town.convoys.iter().collect());
    let rigs = rows::rigs(&rigs, Width::Wide);
    let convoys = rows::convoys(&convoys, Namespaces::Shown, now());
    insta::assert_snapshot!(format!("{}\n{}", LOOK.table(&rigs), LOOK.table(&convoys)));
}

#[test]
fn text_of_one_bead() {
    let town = busy();
    let of = |id: &str| standing(&town, town.bead(id).unwrap(), now());
    let text = [
        sheet(&town, &of("gt-1"), LOOK, now()),
        why::text(&of("gt-1"), LOOK, now()),
        why::text(&of("gt-2"), LOOK, now()),
        why::text(&of("gt-3"), LOOK, now()),
    ];
    insta::assert_snapshot!(text.join("\n=====\n"));
}
