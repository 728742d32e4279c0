use serde_json::json;

use super::super::fixture::{bead, polecat, town};
use super::*;

fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn args(id: &str, rig: Option<&str>) -> SlingArgs {
    SlingArgs {
        id: id.into(),
        rig: rig.map(Into::into),
        task: None,
        scope: Default::default(),
        output: Default::default(),
    }
}

/// Three beads: a task, one that no Rig has the prefix of, a closed one.
fn three(rig: serde_json::Value) -> Town {
    let closed = json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"});
    town(
        rig,
        [
            bead("gt-1", json!({})),
            bead("mp-1", json!({})),
            bead("gt-2", closed),
        ],
    )
}

#[test]
fn slung_polecat_takes_the_next_number_and_the_rig_of_its_bead() {
    let mut town = three(json!({}));
    town.polecats = vec![polecat("gt-1", 3, &json!({"phase": "Done"}))];
    let polecat = sling(&town, &args("gt-1", None)).unwrap();
    assert_eq!(polecat.name_any(), "gt-1-4");
    assert_eq!(polecat.namespace().as_deref(), Some("ns"));
    assert_eq!(polecat.spec.rig.as_deref(), Some("gastown"));
    let named = sling(&town, &args("mp-1", Some("gastown"))).unwrap();
    assert_eq!(named.name_any(), "mp-1-1");
}

#[test]
fn sling_says_why_it_refuses() {
    let mut town = three(json!({"allowedNamespaces": ["ns"]}));
    town.polecats = vec![polecat("gt-1", 1, &json!({"phase": "Working"}))];
    let said = |id: &str, rig| sling(&town, &args(id, rig)).unwrap_err().to_string();
    assert_eq!(said("gt-2", None), "bead gt-2 is closed");
    assert!(said("gt-1", None).starts_with("polecat gt-1-1 has bead gt-1: stop that first"));
    assert_eq!(
        said("mp-1", None),
        "no Rig has the prefix mp: spec.beadsPrefix; name a Rig with --rig"
    );
    assert!(said("mp-1", Some("nowhere")).starts_with("no Rig nowhere in the cluster"));
    assert!(said("gt-9", None).starts_with("no bead gt-9 in namespace ns"));
    town.rigs[0].spec.allowed_namespaces = Some(vec!["far".into()]);
    let said = sling(&town, &args("mp-1", Some("gastown"))).unwrap_err();
    assert!(said.to_string().contains("does not serve namespace ns"));
}

#[test]
fn bead_in_two_namespaces_needs_one_named() {
    let mut town = three(json!({}));
    let mut twin = town.beads[0].clone();
    twin.bead.key.namespace = "far".into();
    town.beads.push(twin);
    let said = town.bead("gt-1").unwrap_err().to_string();
    assert_eq!(
        said,
        "bead gt-1 is in more than one namespace (ns, far); name one with -n"
    );
}

#[test]
fn retry_tells_the_last_polecat_and_says_what_comes_of_it() {
    let mut town = three(json!({}));
    assert!(matches!(
        retry(&town, "gt-1"),
        Err(Refusal::NeverTried { .. })
    ));
    let done = json!({"phase": "Done", "finishedAt": "2026-03-01T00:00:00Z"});
    town.polecats = vec![polecat("gt-1", 2, &done), polecat("gt-1", 1, &done)];
    let last = retry(&town, "gt-1").unwrap().clone();
    assert_eq!(last.name_any(), "gt-1-2");
    let mut told = last.clone();
    let ask = asked_again(now());
    let annotations = serde_json::from_value(ask["metadata"]["annotations"].clone());
    told.metadata.annotations = annotations.unwrap();
    assert_eq!(
        prospect(&town, "gt-1", told.clone(), now()),
        "bead gt-1 is tried again\n"
    );
    town.rigs[0].spec.dispatch.enabled = false;
    let said = prospect(&town, "gt-1", told, now());
    assert!(
        said.starts_with("bead gt-1 is tried again once it can be; now it is Disabled: "),
        "{said}"
    );
    town.polecats[0].status.as_mut().unwrap().phase = None;
    assert!(matches!(retry(&town, "gt-1"), Err(Refusal::Taken { .. })));
}
