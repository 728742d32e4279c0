//! What is around the object whose spec is changed: always the same, at noon.

use std::collections::BTreeSet;
use std::time::Duration;

use beadlet_scheduler::decide::{
    attempt::Ledger,
    batch::Batches,
    bead::Bead,
    dispatch::{Plan, Scene, plan},
    fate::Fate,
    job::job,
    lifecycle::{Decision, Inputs, JobSight, Place, RetryRule, View, decide},
    order::{Defaults, Order, OrderError, Sources, order},
    policy::Policy,
    route::Map,
    scope::Scope,
    slot::PolecatKey,
};
use beadlet_store::keys::work;
use beadlet_store::kinds::{BeadStore, Convoy, FailureClass, Polecat, Rig};
use jiff::{Timestamp, ToSpan};
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, from_value, json};

use super::super::scheduler_town::{bead_configmap, merge};

pub(super) const NAMESPACE: &str = "here";

pub(super) fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

pub(super) fn minutes_ago(minutes: i64) -> Timestamp {
    noon() - minutes.minutes()
}

/// An object of a kind with this spec, in the namespace.
pub(super) fn object<K: serde::de::DeserializeOwned>(kind: &str, name: &str, spec: &Value) -> K {
    from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": kind, "spec": spec,
        "metadata": {"namespace": NAMESPACE, "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1",
            "creationTimestamp": minutes_ago(60)},
    }))
    .unwrap()
}

/// A Rig whose polecats run opencode, with this over its spec.
pub(super) fn rig(name: &str, spec: &Value) -> Rig {
    let mut whole = json!({"gitURL": format!("https://git.example.com/{name}.git"), "beadsPrefix": "gt", "settings": {"maxPolecats": 8},
        "polecatTemplate": {"spec": super::template::base()}});
    merge(&mut whole, spec);
    object("Rig", name, &whole)
}

/// A ready bead.
pub(super) fn bead(id: &str, fields: &Value) -> Bead {
    let mut configmap = bead_configmap(id, fields);
    configmap.metadata.namespace = Some(NAMESPACE.to_owned());
    Bead::parse(&configmap).unwrap()
}

/// A Polecat that dispatch made for a bead, with this over its spec.
pub(super) fn polecat(bead: &str, attempt: u32, spec: &Value) -> Polecat {
    let mut whole = json!({"beadID": bead, "desiredState": "Working"});
    merge(&mut whole, spec);
    let mut polecat: Polecat = object("Polecat", &format!("{bead}-{attempt}"), &whole);
    polecat.metadata.finalizers = Some(vec![work::FINALIZER.to_owned()]);
    polecat.metadata.labels = Some(
        [
            (
                "app.kubernetes.io/managed-by".to_owned(),
                "beadlet".to_owned(),
            ),
            (work::ATTEMPT.to_owned(), attempt.to_string()),
        ]
        .into(),
    );
    let because = if attempt == 1 { "First" } else { "Failure" };
    polecat.metadata.annotations = Some([(work::BECAUSE.to_owned(), because.to_owned())].into());
    polecat
}

/// The same after it has ended.
pub(super) fn ended(mut polecat: Polecat, phase: &str, minutes: i64) -> Polecat {
    let mut status = json!({"phase": phase, "finishedAt": minutes_ago(minutes)});
    if phase != "Done" {
        status["failureClass"] = json!("AgentFailed");
    }
    polecat.status = Some(from_value(status).unwrap());
    polecat
}

fn defaults() -> Defaults {
    Defaults {
        beadlet_image: "beadlet:test".into(),
        opencode_image: "opencode:test".into(),
        claude_code_image: "claude-code:test".into(),
        author_email: "polecats@example.com".into(),
        agent_resources: Default::default(),
    }
}

/// What is to be run for a Polecat.
pub(super) fn order_of(
    polecat: &Polecat,
    rig: Option<&Rig>,
    convoy: Option<&Convoy>,
) -> Result<Order, OrderError> {
    order(Sources {
        polecat,
        rig,
        bead: None,
        convoy,
        defaults: &defaults(),
    })
}

/// The Job as it is created, or why there is none.
pub(super) fn job_of(order: &Result<Order, OrderError>) -> Value {
    match order {
        Ok(order) => json!(job(order)),
        Err(error) => json!(error.to_string()),
    }
}

/// A Polecat at one point of its life.
pub(super) struct Moment<'a> {
    pub(super) polecat: &'a Polecat,
    pub(super) order: &'a Result<Order, OrderError>,
    pub(super) job: Option<&'a Job>,
    pub(super) fate: Fate,
    /// The Rig's policy.
    pub(super) policy: Option<&'a Policy>,
}

/// What comes next, without the Job itself.
pub(super) fn next(moment: Moment<'_>) -> Value {
    let Decision { status, act, wake } = decide(&View {
        polecat: moment.polecat,
        order: moment.order,
        inputs: &Inputs::default(),
        job: JobSight::Cached(moment.job),
        pods: &[],
        are_pods_fresh: true,
        place: Place::Held,
        bead: None,
        fate: moment.fate,
        grace: moment
            .policy
            .map_or(Duration::ZERO, |policy| policy.stop_grace),
        is_tried_again: &Never,
        now: noon(),
    });
    let act = format!("{act:?}");
    let act = if act.starts_with("Create") {
        "Create"
    } else {
        &act
    };
    json!({"status": status, "act": act, "wake": wake})
}

/// No failure is followed by another attempt.
#[derive(Debug)]
struct Never;

impl RetryRule for Never {
    fn applies(&self, _: FailureClass) -> bool {
        false
    }
}

/// What leads beads to Rigs.
#[derive(Default)]
pub(super) struct World {
    pub(super) rigs: Vec<Rig>,
    pub(super) stores: Vec<BeadStore>,
    pub(super) convoys: Vec<Convoy>,
}

impl World {
    /// The Rig of a bead, or why it has none.
    pub(super) fn way(&self, bead: &Bead) -> String {
        let (rigs, stores): (Vec<_>, Vec<_>) =
            (self.rigs.iter().collect(), self.stores.iter().collect());
        let map = Map {
            rigs: &rigs,
            stores: &stores,
            batches: &Batches::of(&self.convoys),
        };
        match map.rig(bead) {
            Ok(rig) => rig.metadata.name.clone().unwrap(),
            Err(wait) => format!("{:?}", wait.reason),
        }
    }

    /// Whom a Rig starts, and why the others wait.
    pub(super) fn plan(&self, rig: &Rig, beads: &[Bead], polecats: &[Polecat]) -> Value {
        let policy = Policy::parse(&rig.spec).unwrap();
        let beads: Vec<&Bead> = beads.iter().collect();
        let known = polecats
            .iter()
            .map(|one| (PolecatKey::of(one), one))
            .collect();
        let (ledger, batches) = (Ledger::of(polecats), Batches::of(&self.convoys));
        told(&plan(&Scene {
            rig: rig.metadata.name.as_deref().unwrap(),
            max_polecats: rig.spec.settings.limit() as usize,
            policy: &policy,
            slots: &[],
            beads: &beads,
            polecats: &known,
            ledger: &ledger,
            batches: &batches,
            absent: &BTreeSet::new(),
            scope: &Scope::Cluster,
            now: noon(),
        }))
    }
}

fn told(plan: &Plan<'_>) -> Value {
    let started: Vec<Value> = plan
        .create
        .iter()
        .map(|new| json!({"name": new.key.name, "because": new.because.as_str()}))
        .collect();
    let waiting: Vec<Value> = plan
        .waits
        .iter()
        .map(|(bead, wait)| json!({"name": bead.key.id, "why": wait.reason, "detail": wait.detail, "until": wait.until}))
        .collect();
    json!({"started": started, "waiting": waiting, "doors": format!("{:?}", plan.doors), "wake": plan.wake})
}
