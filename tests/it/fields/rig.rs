//! Rig: which beads lead to it, whom it starts and when, what its polecats are made of, how they are stopped, when their record goes.

use std::path::Path;

use beadlet_scheduler::decide::{
    attempt::Because,
    batch::Batches,
    bead::Bead,
    dispatch::NewPolecat,
    fate::Fate,
    job::job,
    newborn::{Runner, newborn},
    policy::Policy,
    prune::is_spent,
    slot::PolecatKey,
};
use beadlet_store::kinds::{Polecat, Rig};
use beadlet_sync::decide::beadstore::{Given, LocalRepositories, settings};
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, from_value, json};

use super::{
    scene::{Moment, World, bead, ended, job_of, next, noon, object, order_of, polecat},
    table::{Row, check, row},
    template,
};

const NAME: &str = "garden";

fn base() -> Value {
    json!({"beadsPrefix": "gt", "gitURL": "https://git.example.com/gt.git", "polecatTemplate": {"spec": template::base()}})
}

fn rows() -> Vec<Row> {
    let own = [
        row("allowedNamespaces[]", "elsewhere", "NamespaceNotAllowed"),
        row("beadsPrefix", "mp", "/way/mp-1 = \"garden\""),
        row(
            "gitURL",
            "https://git.example.com/mp.git",
            "/value = \"https://git.example.com/mp.git\"",
        ),
        row("localPath", "/srv/gt", "/mirrors = \"/srv/gt\""),
        row("settings.maxPolecats", 1, "AtLimit"),
        row("settings.namepoolTheme", "garden", "/value = \"garden-"),
        row(
            "polecatTemplate.metadata.labels{}",
            "x",
            "/job/spec/template/metadata/labels/example.com/changed = \"x\"",
        ),
        row(
            "polecatTemplate.metadata.annotations{}",
            "x",
            "/born/annotations/example.com/changed = \"x\"",
        ),
    ];
    let of_template = template::rows()
        .into_iter()
        .map(|row| row.under("polecatTemplate.spec"));
    own.into_iter()
        .chain(of_template)
        .chain(dispatch())
        .collect()
}

/// What the beads of [`beads`] and their attempts tell apart.
fn dispatch() -> Vec<Row> {
    let window = json!({"windows": [{"opens": "0 20 * * *", "duration": "1h"}]});
    let rows = [
        row("enabled", false, "Disabled"),
        row("types[]", "epic", "/started/gt-epic-1/name"),
        row("denyLabels[]", "theirs", "/started/gt-human-1/name"),
        row("requireLabels[]", "human", "MissingLabel"),
        row("maxAttempts", 4, "/started/gt-thrice-4/name"),
        row("backoff.initial", "30s", "/waiting/gt-once/until"),
        row("backoff.max", "8m", "/waiting/gt-twice/until"),
        row("stopGrace", "5m", "/closed/wake = \"2026-03-02T12:05:00Z\""),
        row("retention", "1h", "/spent = true"),
        row("windows[].opens", "30 11 * * *", "Open").given(window.clone()),
        row("windows[].duration", "17h", "Open").given(window.clone()),
        row("windows[].timeZone", "Asia/Tokyo", "2026-03-03T11:00:00Z").given(window),
    ];
    rows.into_iter().map(|row| row.under("dispatch")).collect()
}

fn beads() -> Vec<Bead> {
    vec![
        bead("gt-1", &json!({})),
        bead("gt-2", &json!({})),
        bead("gt-epic", &json!({"issue_type": "epic"})),
        bead("gt-human", &json!({"labels": ["human"]})),
        bead("gt-once", &json!({})),
        bead("gt-twice", &json!({})),
        bead("gt-thrice", &json!({})),
    ]
}

/// One bead failed once, one twice, one three times: a moment ago, and a while ago.
fn attempts() -> Vec<Polecat> {
    let of_rig = json!({"rig": NAME});
    let failed = |bead, attempt, minutes| ended(polecat(bead, attempt, &of_rig), "Failed", minutes);
    vec![
        failed("gt-once", 1, 0),
        failed("gt-twice", 1, 30),
        failed("gt-twice", 2, 1),
        failed("gt-thrice", 1, 90),
        failed("gt-thrice", 2, 80),
        failed("gt-thrice", 3, 70),
    ]
}

fn decided(spec: &Value) -> Value {
    let rig: Rig = object("Rig", NAME, spec);
    let policy = Policy::parse(&rig.spec).unwrap();
    let ours = polecat("gt-1", 1, &json!({"rig": NAME}));
    let order = order_of(&ours, Some(&rig), None);
    let mut job = order.as_ref().map(job).unwrap_or_default();
    let moment = |polecat: &_, job: &Job, fate| {
        next(Moment {
            polecat,
            order: &order,
            job: Some(job),
            fate,
            policy: Some(&policy),
        })
    };
    let closed = moment(&ours, &job, Fate::Closed);
    job.status = from_value(json!({"conditions": [{"type": "Complete", "status": "True"}]})).ok();
    let old = ended(ours.clone(), "Done", 120);
    let spent = is_spent(&old, &|_| None, &Batches::default(), &policy, noon());
    let world = World {
        rigs: vec![rig.clone()],
        ..World::default()
    };
    json!({
        "way": {"gt-1": world.way(&bead("gt-1", &json!({}))), "mp-1": world.way(&bead("mp-1", &json!({})))},
        "plan": world.plan(&rig, &beads(), &attempts()),
        "born": born(&rig),
        "job": job_of(&order),
        "closed": closed,
        "when it has ended": moment(&old, &job, Fate::Open),
        "spent": spent,
        "mirrors": mirrors(&rig),
    })
}

/// The labels and annotations of a Polecat that dispatch makes.
fn born(rig: &Rig) -> Value {
    let bead = bead("gt-1", &json!({}));
    let key = PolecatKey {
        namespace: bead.key.namespace.clone(),
        name: "gt-1-1".into(),
    };
    let new = NewPolecat {
        key,
        bead: &bead,
        attempt: 1,
        because: Because::First,
        branch: None,
    };
    json!(newborn(&new, rig, &Batches::default(), Runner::Beadlet).metadata)
}

/// The repository that a BeadStore of the Rig reads, on a controller that may read its own disk.
fn mirrors(rig: &Rig) -> String {
    let store = object("BeadStore", "beads", &json!({"rigRef": NAME}));
    let given = Given {
        store: &store,
        rig: Some(rig),
        inputs: &Default::default(),
        clones: Path::new("/clones"),
        local_repositories: LocalRepositories::Allowed,
    };
    settings(given).unwrap().source.url.to_string()
}

#[tokio::test]
async fn every_field_of_a_rig_has_an_effect() {
    check("Rig", base(), rows(), decided).await;
}
