//! Fields that are taken out of the CRDs while everything runs.

use beadlet_store::kinds::{PolecatPhase, crds};
use beadlet_testbed::{Testbed, eventually};
use k8s_openapi::{
    api::events::v1::Event,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSONSchemaProps,
    },
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::{
    crds::install,
    scheduler_history::History,
    scheduler_town::{End, SOON, Town},
};

/// Takes the field with this path out of the CRD of a kind.
async fn take(testbed: &Testbed, kind: &str, path: &[&str]) {
    let api: Api<CustomResourceDefinition> = Api::all(testbed.client());
    let name = crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .and_then(|crd| crd.metadata.name)
        .unwrap();
    let mut crd = api.get(&name).await.unwrap();
    let version = &mut crd.spec.versions[0];
    let json_path = format!(".{}", path.join("."));
    let selectable = version.selectable_fields.iter_mut();
    selectable.for_each(|fields| fields.retain(|field| field.json_path != json_path));
    let schema = version.schema.as_mut().unwrap();
    let (last, way) = path.split_last().unwrap();
    let mut place: &mut JSONSchemaProps = schema.open_api_v3_schema.as_mut().unwrap();
    for step in way {
        place = place.properties.as_mut().unwrap().get_mut(*step).unwrap();
        // It must not speak of what is not there.
        place.default = None;
    }
    let fields = place.properties.as_mut().unwrap();
    fields.remove(*last).unwrap();
    api.replace(&name, &PostParams::default(), &crd)
        .await
        .unwrap();
}

/// All objects of a kind, as the API server shows them.
fn objects(testbed: &Testbed, kind: &str) -> (Api<DynamicObject>, ApiResource) {
    let gvk = GroupVersionKind::gvk("gastown.gastown.io", "v1alpha1", kind);
    let resource = ApiResource::from_gvk(&gvk);
    (Api::all_with(testbed.client(), &resource), resource)
}

/// Waits until the API server keeps, or does not keep, a field of the status of the town's Rig or of its first Polecat.
async fn kept(town: &Town, kind: &str, field: &str, sample: &Value, is_kept: bool) {
    let testbed = town.namespace.testbed();
    let (all, resource) = objects(testbed, kind);
    let (api, name) = match kind {
        "Rig" => (all, town.name()),
        _ => (
            Api::namespaced_with(testbed.client(), town.name(), &resource),
            "gt-0-1",
        ),
    };
    let patch = json!({"status": {field: sample}});
    let only_try = PatchParams::default().dry_run();
    let what = format!("status.{field} of {kind} is kept: {is_kept}");
    eventually(SOON, &what, async || {
        let answer = api
            .patch_status(name, &only_try, &Patch::Merge(&patch))
            .await;
        answer.is_ok_and(|object| object.data["status"][field].is_null() != is_kept)
    })
    .await;
}

/// Waits until some object of a kind says that a field is not kept.
async fn said(testbed: &Testbed, kind: &str, field: &str) {
    let (api, _) = objects(testbed, kind);
    let is_said = |object: &DynamicObject| {
        let conditions = object.data["status"]["conditions"].as_array().cloned();
        conditions.into_iter().flatten().any(|condition| {
            condition["reason"] == "StatusNotKept"
                && condition["message"].as_str().unwrap().contains(field)
        })
    };
    let what = format!("a {kind} says that {field} is not kept");
    eventually(SOON, &what, async || {
        let list = api.list(&ListParams::default()).await;
        list.is_ok_and(|list| list.items.iter().any(is_said))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn field_that_a_crd_loses_is_said_starts_nothing_and_is_recovered_from() {
    // Another control plane: the others need their CRDs whole.
    let testbed = Testbed::start().await.unwrap();
    install(testbed.client()).await;
    let town = Town::on(&testbed, "crd", json!({"settings": {"maxPolecats": 1}})).await;
    let _kubelet = town.kubelet(End::Well);
    let _controller = town.controller();
    town.bead("gt-0", json!({})).await;
    town.phase("gt-0-1", PolecatPhase::Done).await;
    let fields = [
        ("Rig", "slots", json!(["a/b"])),
        ("Polecat", "jobUID", json!("x")),
        ("Polecat", "phase", json!("Queued")),
        ("Polecat", "beadRevision", json!("x")),
    ];
    let beads = fields.len() + 1;
    for (n, (kind, field, sample)) in fields.into_iter().enumerate() {
        take(&testbed, kind, &["status", field]).await;
        kept(&town, kind, field, &sample, false).await;
        town.bead(&format!("gt-{}", n + 1), json!({})).await;
        said(&testbed, kind, &format!("status.{field}")).await;
        install(testbed.client()).await;
        kept(&town, kind, field, &sample, true).await;
        for n in 0..=n + 1 {
            town.phase(&format!("gt-{n}-1"), PolecatPhase::Done).await;
        }
    }
    loses_its_limit(&town, beads).await;
    let history = History::of(&town).await;
    assert!(history.most_at_once() <= 1, "{}", history.most_at_once());
    assert_eq!(history.creations().len(), beads + 1);
    assert!(history.creations().values().all(|count| *count == 1));
}

/// The limit is one of the spec: the API server has it still, as long as nobody writes the Rig.
async fn loses_its_limit(town: &Town, bead: usize) {
    let testbed = town.namespace.testbed();
    take(testbed, "Rig", &["spec", "settings", "maxPolecats"]).await;
    let events: Api<Event> = Api::namespaced(town.client(), "default");
    eventually(
        SOON,
        "an Event says that the limit is missing",
        async || {
            let events = events.list(&ListParams::default()).await.unwrap().items;
            events.into_iter().find(|event| {
                let regarding = event.regarding.as_ref();
                event.reason.as_deref() == Some("LimitMissing")
                    && regarding.is_some_and(|rig| rig.name.as_deref() == Some(town.name()))
            })
        },
    )
    .await;
    town.bead(&format!("gt-{bead}"), json!({})).await;
    install(testbed.client()).await;
    eventually(SOON, "the Rig has the limit that it had", async || {
        let rig = town.rigs().get(town.name()).await.unwrap();
        match rig.spec.settings.max_polecats {
            Some(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    town.phase(&format!("gt-{bead}-1"), PolecatPhase::Done)
        .await;
}
