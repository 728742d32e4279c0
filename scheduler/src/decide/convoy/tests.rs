use beadlet_store::kinds::FailureClass;
use serde_json::json;

use super::super::fixture::{Became, bead, bead_with, convoy, noon, polecat};
use super::*;

fn closed(id: &str) -> Bead {
    bead_with(
        id,
        json!({"status": "closed", "closed_at": "2026-03-01T00:00:00Z"}),
    )
}

fn look(convoy: &Convoy, beads: &[Bead], polecats: &[Polecat]) -> ConvoyStatus {
    let (beads, polecats): (Vec<&Bead>, Vec<&Polecat>) =
        (beads.iter().collect(), polecats.iter().collect());
    status(&Batch {
        convoy,
        beads: &beads,
        polecats: &polecats,
        now: noon(),
    })
}

fn counts(status: &ConvoyStatus) -> [i64; 4] {
    [
        status.total,
        status.succeeded,
        status.failed,
        status.running,
    ]
    .map(Option::unwrap)
}

#[test]
fn convoy_counts_up_as_its_beads_are_closed() {
    let wave = convoy("wave", &["gt-1", "gt-2"], 0);
    let none = look(&wave, &[bead("gt-1"), bead("gt-2")], &[]);
    assert_eq!(
        (none.phase, none.progress.as_deref()),
        (Some(ConvoyPhase::Pending), Some("0/2"))
    );
    let half = look(
        &wave,
        &[closed("gt-1"), bead("gt-2")],
        &[polecat("gt-2", 1).in_phase(PolecatPhase::Working)],
    );
    assert_eq!(
        (half.phase, half.progress.as_deref(), counts(&half)),
        (Some(ConvoyPhase::InProgress), Some("1/2"), [2, 0, 0, 1])
    );
    assert_eq!(
        (half.completed_beads, half.pending_beads),
        (vec!["gt-1".to_owned()], vec!["gt-2".to_owned()])
    );
    assert_eq!((half.started_at.is_some(), half.completed_at), (true, None));
    let all = look(&wave, &[closed("gt-1"), closed("gt-2")], &[]);
    assert_eq!(
        (all.phase, all.progress.as_deref(), all.completed_at),
        (Some(ConvoyPhase::Complete), Some("2/2"), Some(Time(noon())))
    );
}

#[test]
fn empty_convoy_is_never_complete() {
    let status = look(&convoy("wave", &[], 0), &[], &[]);
    assert_eq!(
        (status.phase, status.progress.as_deref()),
        (Some(ConvoyPhase::Pending), Some("0/0"))
    );
    assert_eq!(status.conditions[0].reason, "Empty");
}

#[test]
fn polecat_that_is_done_is_no_closed_bead() {
    let status = look(
        &convoy("wave", &["gt-1"], 0),
        &[bead("gt-1")],
        &[polecat("gt-1", 1).ended(PolecatPhase::Done, 1)],
    );
    assert_eq!(
        (status.phase, counts(&status)),
        (Some(ConvoyPhase::InProgress), [1, 1, 0, 0])
    );
}

#[test]
fn bead_of_no_mirror_is_complete_when_its_polecat_is_done() {
    let done = look(
        &convoy("wave", &["gt-1"], 0),
        &[],
        &[polecat("gt-1", 1).ended(PolecatPhase::Done, 1)],
    );
    assert_eq!(
        (done.phase, done.unknown_beads),
        (Some(ConvoyPhase::Complete), vec!["gt-1".to_owned()])
    );
    let open = look(&convoy("wave", &["gt-1"], 0), &[], &[]);
    assert_eq!(
        open.phase,
        Some(ConvoyPhase::Pending),
        "what nobody knows counts as open"
    );
}

#[test]
fn only_the_last_attempt_of_a_bead_counts() {
    let attempts = [
        polecat("gt-1", 1).failed(FailureClass::AgentFailed, 9),
        polecat("gt-1", 2).in_phase(PolecatPhase::Working),
    ];
    assert_eq!(
        counts(&look(
            &convoy("wave", &["gt-1"], 0),
            &[bead("gt-1")],
            &attempts
        )),
        [1, 0, 0, 1]
    );
}

#[test]
fn convoy_has_failed_when_nothing_goes_on_and_not_before() {
    let wave = convoy("wave", &["gt-1", "gt-2"], 0);
    let stuck = polecat("gt-1", 1).ended(PolecatPhase::Stuck, 1);
    let beads = [bead("gt-1"), bead("gt-2")];
    assert_eq!(
        look(&wave, &beads, std::slice::from_ref(&stuck)).phase,
        Some(ConvoyPhase::InProgress)
    );
    let both = [
        stuck.clone(),
        polecat("gt-2", 1).ended(PolecatPhase::Terminated, 1),
    ];
    assert_eq!(look(&wave, &beads, &both).phase, Some(ConvoyPhase::Failed));
    let failed = polecat("gt-2", 1).failed(FailureClass::AgentFailed, 1);
    assert_eq!(
        look(&wave, &beads, &[stuck, failed]).phase,
        Some(ConvoyPhase::InProgress),
        "it is tried again"
    );
}

#[test]
fn bead_that_is_named_twice_is_one_member() {
    assert_eq!(
        look(
            &convoy("wave", &["gt-1", "gt-1"], 0),
            &[closed("gt-1")],
            &[]
        )
        .progress
        .as_deref(),
        Some("1/1")
    );
}

#[test]
fn who_is_to_hear_of_it_hears_once() {
    let mut wave = convoy("wave", &["gt-1"], 0);
    wave.spec.notify_on_complete = Some("mayor".into());
    let complete = look(&wave, &[closed("gt-1")], &[]);
    assert_eq!(notice(&wave, &complete), Some("mayor"));
    wave.status = Some(complete.clone());
    assert_eq!(notice(&wave, &complete), None);
}

#[test]
fn convoy_of_git_becomes_an_object_and_follows_git() {
    let edges = |ids: &[&str]| {
        json!({"issue_type": "convoy", "title": "Wave 1", "dependencies":
        ids.iter().map(|id| json!({"issue_id": "hq-cv-1", "depends_on_id": id, "type": "tracks"})).collect::<Vec<_>>()})
    };
    let bead = bead_with("hq-cv-1", edges(&["gt-1"]));
    let Keep::Create(made) = keep(Some(&bead), None) else {
        panic!()
    };
    assert_eq!(
        (made.name_any(), made.spec.description.as_str()),
        ("hq-cv-1".into(), "Wave 1")
    );
    assert_eq!(made.spec.tracked_beads, ["gt-1"]);
    assert_eq!(keep(Some(&bead), Some(&made)), Keep::Nothing);
    let grown = bead_with("hq-cv-1", edges(&["gt-1", "gt-2"]));
    let update = Keep::Update {
        description: "Wave 1".into(),
        tracked_beads: vec!["gt-1".into(), "gt-2".into()],
    };
    assert_eq!(keep(Some(&grown), Some(&made)), update);
    assert_eq!(keep(None, Some(&made)), Keep::Delete);
}

#[test]
fn closed_convoys_of_git_get_no_object_and_those_of_people_are_left_alone() {
    let old = bead_with(
        "hq-cv-1",
        json!({"issue_type": "convoy", "status": "closed", "closed_at": "2026-01-02T00:00:00Z"}),
    );
    assert_eq!(keep(Some(&old), None), Keep::Nothing);
    let by_hand = convoy("hq-cv-1", &["gt-9"], 3);
    assert_eq!(keep(Some(&old), Some(&by_hand)), Keep::Nothing);
    assert_eq!(keep(None, Some(&by_hand)), Keep::Nothing);
}
