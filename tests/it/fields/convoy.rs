//! Convoy: its status, how many of its beads are worked on at once and by whom, what their polecats are told, and who is told at the end.

use beadlet_scheduler::decide::convoy::{Batch, notice, status};
use beadlet_store::kinds::{Convoy, ConvoyPhase, ConvoyStatus};
use serde_json::{Value, json};

use super::{
    scene::{World, bead, job_of, noon, object, order_of, polecat, rig},
    table::{check, row},
};

fn base() -> Value {
    json!({"description": "Wave 1", "trackedBeads": ["gt-1", "gt-2"]})
}

fn decided(spec: &Value) -> Value {
    let convoy: Convoy = object("Convoy", "wave", spec);
    let beads = [bead("gt-1", &json!({})), bead("gt-2", &json!({}))];
    let counted = status(&Batch {
        convoy: &convoy,
        beads: &beads.iter().collect::<Vec<_>>(),
        polecats: &[],
        now: noon(),
    });
    let complete = ConvoyStatus {
        phase: Some(ConvoyPhase::Complete),
        ..counted.clone()
    };
    let told = notice(&convoy, &complete).map(ToOwned::to_owned);
    let (garden, other) = (
        rig("garden", &json!({})),
        rig("other", &json!({"beadsPrefix": "mp"})),
    );
    let member = polecat("gt-1", 1, &json!({"rig": "garden"}));
    let order = order_of(&member, Some(&garden), Some(&convoy));
    let world = World {
        rigs: vec![garden.clone(), other],
        convoys: vec![convoy],
        ..World::default()
    };
    json!({
        "status": counted,
        "told": told,
        "way": world.way(&beads[0]),
        "plan": world.plan(&garden, &beads, &[]),
        "job": job_of(&order),
    })
}

#[tokio::test]
async fn every_field_of_a_convoy_has_an_effect() {
    let rows = vec![
        row("description", "Wave 2", "/convoy-description = \"Wave 2\""),
        row("notifyOnComplete", "mayor", "/told = \"mayor\""),
        row("parallelism", 1, "ConvoyLimit"),
        row("rigRef", "other", "/way = \"other\""),
        row(
            "trackedBeads[]",
            "gt-3",
            "/status/unknownBeads/0 = \"gt-3\"",
        ),
    ];
    check("Convoy", base(), rows, decided).await;
}
