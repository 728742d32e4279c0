use serde_json::json;

use super::super::fixture::{bead, object, polecat, town};
use super::*;

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// Where every bead stands, in the order of the answer.
fn states(town: &Town) -> Vec<(String, &'static str)> {
    let placed = standings(town, now());
    let state = |placed: &Placed<'_>| (placed.bead().key.id.clone(), placed.standing.word());
    placed.iter().map(state).collect()
}

fn detail(town: &Town, id: &str) -> String {
    let held = town.bead(id).unwrap();
    standing(town, held, now()).standing.detail()
}

#[test]
fn every_bead_stands_where_dispatch_would_put_it() {
    let closed = json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"});
    let mut town = town(
        json!({"settings": {"maxPolecats": 2}}),
        [
            bead("gt-1", json!({"priority": 0})),
            bead("gt-2", json!({"priority": 1})),
            bead("gt-3", json!({})),
            bead("gt-4", json!({"issue_type": "epic"})),
            bead("gt-5", json!({"blocked": "gt-3"})),
            bead("gt-6", closed),
            bead("mp-1", json!({"priority": 3})),
        ],
    );
    town.polecats = vec![polecat("gt-1", 1, &json!({"phase": "Working"}))];
    let wanted = [
        ("gt-1", "Working"),
        ("gt-2", "Next"),
        ("gt-3", "AtLimit"),
        ("gt-4", "Type"),
        ("mp-1", "NoRig"),
        ("gt-5", "NotReady"),
        ("gt-6", "Closed"),
    ];
    assert_eq!(
        states(&town),
        wanted.map(|(id, state)| (id.to_owned(), state))
    );
    assert_eq!(detail(&town, "gt-5"), "blocked by gt-3");
    assert_eq!(detail(&town, "gt-1"), "polecat gt-1-1");
    assert!(detail(&town, "gt-3").starts_with("2 of 2 polecats work"));
}

#[test]
fn places_of_other_namespaces_count() {
    let mut town = town(
        json!({"settings": {"maxPolecats": 1}}),
        [bead("gt-1", json!({}))],
    );
    town.rigs[0].status = serde_json::from_value(json!({"slots": ["far/gt-9-1"]})).unwrap();
    assert_eq!(states(&town), [("gt-1".to_owned(), "AtLimit")]);
    town.namespace = None;
    town.rigs[0].status = None;
    assert_eq!(states(&town), [("gt-1".to_owned(), "Next")]);
}

#[test]
fn rules_that_cannot_be_followed_are_named() {
    let rules = json!({"dispatch": {"windows": [{"opens": "every day", "duration": "1h"}]}});
    let town = town(rules, [bead("gt-1", json!({}))]);
    assert_eq!(states(&town), [("gt-1".to_owned(), "BadRules")]);
    assert!(detail(&town, "gt-1").contains("every day"));
}

#[test]
fn convoy_leads_to_its_rig() {
    let mut town = town(json!({}), [bead("mp-1", json!({}))]);
    town.convoys = vec![object(
        "Convoy",
        json!({"metadata": {"name": "wave"}, "spec": {"description": "w", "trackedBeads": ["mp-1"], "rigRef": "gastown"}}),
    )];
    assert_eq!(states(&town), [("mp-1".to_owned(), "Next")]);
}
