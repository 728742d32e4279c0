//! Polecat: the Job that it becomes, its status, and whether it asks its Rig for a place.

use beadlet_scheduler::decide::{claim, fate::Fate, job::job};
use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, from_value, json};

use super::{
    scene::{Moment, ended, job_of, next, order_of, polecat, rig},
    table::{Row, check, row},
    template,
};

/// A Polecat that says everything itself. The Rig that it could belong to has names of its own for its polecats.
fn base() -> Value {
    let mut base = template::base();
    base["beadID"] = json!("gt-1");
    base["kubernetes"]["gitRepository"] = json!("https://git.example.com/gt.git");
    base
}

fn rows() -> Vec<Row> {
    let own = [
        row("rig", "garden", "/value = \"garden-"),
        row(
            "beadID",
            "gt-2",
            "containers/agent/env/GT_ISSUE/value = \"gt-2\"",
        ),
        row("desiredState", "Terminated", "/at first/status/conditions"),
        row("executionMode", "local", "LocalMode"),
    ];
    own.into_iter().chain(template::rows()).collect()
}

fn decided(spec: &Value) -> Value {
    let whole = polecat("gt-1", 1, &json!({}));
    let mut polecat = whole;
    polecat.spec = from_value(spec.clone()).unwrap();
    let garden = rig("garden", &json!({"settings": {"namepoolTheme": "garden"}}));
    let order = order_of(
        &polecat,
        Some(&garden).filter(|_| polecat.spec.rig.is_some()),
        None,
    );
    let moment = |polecat: &_, job: Option<&Job>| {
        next(Moment {
            polecat,
            order: &order,
            job,
            fate: Fate::Open,
            policy: None,
        })
    };
    let mut finished = order.as_ref().map(job).unwrap_or_default();
    finished.status =
        from_value(json!({"conditions": [{"type": "Complete", "status": "True"}]})).ok();
    json!({
        "job": job_of(&order),
        "at first": moment(&polecat, None),
        "when it has ended": moment(&ended(polecat.clone(), "Done", 5), Some(&finished)),
        "asks its Rig": claim::asks(&polecat, "garden"),
    })
}

#[tokio::test]
async fn every_field_of_a_polecat_has_an_effect() {
    check("Polecat", base(), rows(), decided).await;
}
