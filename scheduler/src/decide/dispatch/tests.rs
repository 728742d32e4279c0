use beadlet_store::kinds::{Convoy, DesiredState, PolecatPhase, Rig};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::fixture::{Became, bead, bead_with, before, convoy, noon, polecat, rig};
use super::*;

/// A Rig and everything around it, to be planned for again and again.
struct Town {
    rig: Rig,
    slots: Vec<Slot>,
    beads: Vec<Bead>,
    polecats: Vec<Polecat>,
    convoys: Vec<Convoy>,
    absent: BTreeSet<PolecatKey>,
    scope: Scope,
}

/// What is left of a [`Plan`] when nothing is borrowed.
struct Planned {
    slots: Vec<String>,
    create: Vec<String>,
    look_for: Vec<PolecatKey>,
    waits: Vec<(String, WaitReason)>,
    waiting_polecats: Vec<String>,
    queued: usize,
    wake: Option<Timestamp>,
}

impl Town {
    fn new(max: u32, beads: Vec<Bead>) -> Self {
        Self::with(json!({"settings": {"maxPolecats": max}}), beads)
    }

    fn with(spec: Value, beads: Vec<Bead>) -> Self {
        Self {
            rig: rig("rig", spec),
            slots: vec![],
            beads,
            polecats: vec![],
            convoys: vec![],
            absent: BTreeSet::new(),
            scope: Scope::Cluster,
        }
    }

    fn slots(mut self, slots: &[&str]) -> Self {
        self.slots = slots
            .iter()
            .map(|text| Slot::parse(text).unwrap())
            .collect();
        self
    }

    fn plan(&self) -> Planned {
        let policy = Policy::parse(&self.rig.spec).unwrap();
        let ledger = Ledger::of(&self.polecats);
        let batches = Batches::of(&self.convoys);
        let beads: Vec<&Bead> = self.beads.iter().filter(|bead| bead.ready).collect();
        let polecats = self
            .polecats
            .iter()
            .map(|polecat| (PolecatKey::of(polecat), polecat))
            .collect();
        let plan = plan(&Scene {
            rig: "rig",
            max_polecats: self.rig.spec.settings.limit() as usize,
            policy: &policy,
            slots: &self.slots,
            beads: &beads,
            polecats: &polecats,
            ledger: &ledger,
            batches: &batches,
            absent: &self.absent,
            scope: &self.scope,
            now: noon(),
        });
        Planned {
            queued: plan.queued(),
            slots: plan.slots.iter().map(ToString::to_string).collect(),
            create: plan.create.iter().map(|new| new.key.name.clone()).collect(),
            look_for: plan.look_for,
            waits: plan
                .waits
                .iter()
                .map(|(bead, wait)| (bead.key.id.clone(), wait.reason))
                .collect(),
            waiting_polecats: plan
                .waiting_polecats
                .into_iter()
                .map(|(key, _)| key.name)
                .collect(),
            wake: plan.wake,
        }
    }

    /// Carries a plan out, as the shell does.
    fn carry_out(&mut self, planned: &Planned) {
        self.slots = planned
            .slots
            .iter()
            .map(|text| Slot::parse(text).unwrap())
            .collect();
        for name in &planned.create {
            let (bead, attempt) = name.rsplit_once('-').unwrap();
            if !self
                .polecats
                .iter()
                .any(|polecat| polecat.metadata.name.as_ref() == Some(name))
            {
                self.polecats.push(polecat(bead, attempt.parse().unwrap()));
            }
        }
    }
}

fn waits(plan: &Planned) -> Vec<(&str, WaitReason)> {
    plan.waits
        .iter()
        .map(|(id, reason)| (id.as_str(), *reason))
        .collect()
}

#[test]
fn ready_beads_get_the_free_places_in_order_and_the_others_wait() {
    let urgent = bead_with("gt-9", json!({"priority": 0}));
    let plan = Town::new(2, vec![bead("gt-2"), bead("gt-1"), urgent]).plan();
    assert_eq!(plan.create, ["gt-9-1", "gt-1-1"]);
    assert_eq!(plan.slots, ["ns/gt-9-1", "ns/gt-1-1"]);
    assert_eq!(waits(&plan), [("gt-2", WaitReason::AtLimit)]);
    assert_eq!(plan.queued, 1);
}

#[test]
fn plan_that_was_carried_out_gives_one_that_does_nothing() {
    let mut town = Town::new(2, vec![bead("gt-1"), bead("gt-2"), bead("gt-3")]);
    let first = town.plan();
    town.carry_out(&first);
    let second = town.plan();
    assert_eq!((second.slots, second.create), (first.slots, Vec::new()));
}

#[test]
fn slot_that_was_given_before_a_crash_gets_its_polecat() {
    let plan = Town::new(1, vec![bead("gt-1"), bead("gt-2")])
        .slots(&["ns/gt-2-1"])
        .plan();
    assert_eq!(
        (plan.slots, plan.create),
        (vec!["ns/gt-2-1".to_owned()], vec!["gt-2-1".to_owned()])
    );
}

#[test]
fn slot_without_reason_is_given_to_others_only_when_its_polecat_is_known_not_to_exist() {
    let mut town = Town::new(1, vec![bead("gt-2")]).slots(&["ns/gt-1-1"]);
    let plan = town.plan();
    assert_eq!((plan.create.len(), plan.look_for.len()), (0, 1));
    town.absent = plan.look_for.into_iter().collect();
    assert_eq!(town.plan().create, ["gt-2-1"]);
}

#[test]
fn ended_polecat_gives_its_place_to_the_next_bead() {
    let mut town = Town::new(1, vec![bead("gt-1"), bead("gt-2")]).slots(&["ns/gt-1-1"]);
    town.polecats = vec![polecat("gt-1", 1).ended(PolecatPhase::Done, 1)];
    let plan = town.plan();
    assert_eq!(
        (plan.slots, plan.create),
        (vec!["ns/gt-2-1".to_owned()], vec!["gt-2-1".to_owned()])
    );
}

#[test]
fn polecat_keeps_its_place_whatever_is_wanted_of_it_until_it_has_given_it_back() {
    let mut town = Town::new(1, vec![bead("gt-2")]).slots(&["ns/gt-1-1"]);
    let idle = polecat("gt-1", 1)
        .in_phase(PolecatPhase::Working)
        .wanted(DesiredState::Idle);
    town.polecats = vec![idle.clone()];
    assert_eq!(town.plan().slots, ["ns/gt-1-1"]);
    let mut paused = idle.in_phase(PolecatPhase::Idle);
    paused.status.as_mut().unwrap().pauses = Some(1);
    town.polecats = vec![paused.clone()];
    assert_eq!(town.plan().slots, ["ns/gt-2-1"]);
    town.beads.clear();
    town.polecats = vec![paused.wanted(DesiredState::Working)];
    assert_eq!(
        town.plan().slots,
        ["ns/gt-1-1/1"],
        "another stretch needs another slot"
    );
}

#[test]
fn running_polecats_are_taken_over_when_the_list_was_lost_even_above_the_limit() {
    let mut town = Town::new(1, vec![bead("gt-3")]);
    town.polecats = vec![
        polecat("gt-1", 1).in_phase(PolecatPhase::Working),
        polecat("gt-2", 1).in_phase(PolecatPhase::Working),
    ];
    let plan = town.plan();
    assert_eq!(plan.slots, ["ns/gt-1-1", "ns/gt-2-1"]);
    assert_eq!(waits(&plan), [("gt-3", WaitReason::AtLimit)]);
}

#[test]
fn polecats_that_people_made_come_first_and_the_oldest_of_them() {
    let mut town = Town::new(1, vec![bead_with("gt-1", json!({"priority": 0}))]);
    let by_hand = |name: &str, minutes| {
        let mut polecat = polecat(name, 1);
        polecat.metadata.creation_timestamp = Some(
            k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(before(minutes)),
        );
        polecat.metadata.labels = None;
        polecat
    };
    town.polecats = vec![by_hand("gt-8", 1), by_hand("gt-9", 2)];
    let plan = town.plan();
    assert_eq!(plan.slots, ["ns/gt-9-1"]);
    assert_eq!(plan.waiting_polecats, ["gt-8-1"]);
    assert_eq!(waits(&plan), [("gt-1", WaitReason::AtLimit)]);
}

#[test]
fn polecat_of_another_rig_or_without_finalizer_gets_no_place() {
    let mut town = Town::new(5, vec![]);
    let mut other = polecat("gt-1", 1);
    other.spec.rig = Some("other".into());
    let mut fresh = polecat("gt-2", 1);
    fresh.metadata.finalizers = None;
    let mut local = polecat("gt-3", 1);
    local.spec.execution_mode = beadlet_store::kinds::ExecutionMode::Local;
    town.polecats = vec![other, fresh, local];
    assert_eq!(town.plan().slots, Vec::<String>::new());
}

#[test]
fn convoy_lets_only_so_many_of_its_beads_in() {
    let mut town = Town::new(
        5,
        vec![bead("gt-1"), bead("gt-2"), bead("gt-3"), bead("gt-4")],
    );
    town.convoys = vec![convoy("wave", &["gt-1", "gt-2", "gt-3"], 2)];
    let plan = town.plan();
    assert_eq!(plan.create, ["gt-1-1", "gt-2-1", "gt-4-1"]);
    assert_eq!(waits(&plan), [("gt-3", WaitReason::ConvoyLimit)]);
    town.carry_out(&plan);
    town.polecats[0] = town.polecats[0].clone().ended(PolecatPhase::Done, 1);
    assert_eq!(town.plan().create, ["gt-3-1"]);
}

#[test]
fn closed_window_lets_nobody_new_in_and_opens_by_itself() {
    let windows = json!({"dispatch": {"windows": [{"opens": "0 13 * * *", "duration": "1h"}]}});
    let mut town = Town::with(windows, vec![bead("gt-1")]);
    let plan = town.plan();
    assert_eq!(
        (waits(&plan), plan.queued),
        (vec![("gt-1", WaitReason::WindowClosed)], 1)
    );
    assert_eq!(plan.wake, Some(before(-60)));
    town.polecats = vec![polecat("gt-2", 1)];
    assert_eq!(
        town.plan().slots,
        ["ns/gt-2-1"],
        "windows are for beads, not for what a person made"
    );
}

#[test]
fn slots_of_namespaces_that_are_not_seen_are_left_alone() {
    let mut town = Town::new(1, vec![bead("gt-2")]).slots(&["far/gt-1-1"]);
    town.scope = Scope::Namespace("ns".into());
    let plan = town.plan();
    assert_eq!(
        (plan.slots, plan.look_for, plan.create),
        (vec!["far/gt-1-1".to_owned()], vec![], vec![])
    );
}

/// Something that happens to a Polecat.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Starts,
    Ends,
    Pauses,
    Crash,
}

proptest! {
    /// Whatever happens, and wherever the controller stops between the slots and the Polecats: what works has a slot, there are never
    /// more slots than the limit, and in the end every bead was worked on exactly once.
    #[test]
    fn limit_holds_and_nothing_is_lost(max in 1u32..4, beads in 1usize..9, fates in prop::collection::vec((any::<prop::sample::Index>(),
        prop_oneof![Just(Fate::Starts), Just(Fate::Ends), Just(Fate::Pauses), Just(Fate::Crash)]), 0..60))
    {
        let mut town = Town::new(max, (0..beads).map(|n| bead(&format!("gt-{n}"))).collect());
        let check = |town: &mut Town, crash: bool| {
            let plan = town.plan();
            prop_assert!(plan.slots.len() <= max as usize);
            if crash {
                town.slots = plan.slots.iter().map(|text| Slot::parse(text).unwrap()).collect();
            } else {
                town.carry_out(&plan);
            }
            for polecat in town.polecats.iter().filter(|polecat| polecat.phase() == PolecatPhase::Working) {
                prop_assert!(town.slots.contains(&Slot::of(polecat)));
            }
            Ok(())
        };
        for (index, fate) in fates {
            check(&mut town, matches!(fate, Fate::Crash))?;
            let Some(which) = (!town.polecats.is_empty()).then(|| index.index(town.polecats.len())) else { continue };
            befall(&mut town, which, fate);
        }
        for _ in 0..100 {
            check(&mut town, false)?;
            (0..town.polecats.len()).for_each(|which| befall(&mut town, which, Fate::Starts));
            (0..town.polecats.len()).for_each(|which| befall(&mut town, which, Fate::Ends));
        }
        prop_assert_eq!(town.polecats.len(), beads);
        prop_assert!(town.polecats.iter().all(Attempt::is_final));
    }
}

/// A Polecat starts only with its slot, and ends or pauses only when it has started.
fn befall(town: &mut Town, which: usize, fate: Fate) {
    let polecat = town.polecats[which].clone();
    let has_slot = town.slots.contains(&Slot::of(&polecat));
    let works = polecat.phase() == PolecatPhase::Working;
    town.polecats[which] = match fate {
        Fate::Starts if has_slot && !polecat.is_final() => polecat.in_phase(PolecatPhase::Working),
        Fate::Ends if works => polecat.ended(PolecatPhase::Done, 1),
        Fate::Pauses if works => {
            let mut paused = polecat.in_phase(PolecatPhase::Queued);
            let status = paused.status.as_mut().unwrap();
            status.pauses = Some(status.pauses.unwrap_or(0) + 1);
            paused
        }
        _ => polecat,
    };
}
