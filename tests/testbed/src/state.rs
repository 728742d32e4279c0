//! What a namespace holds, as text for the person whose test failed.

use std::fmt::Write;

use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Event, Pod},
};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::Value;

use crate::{audit::Mark, testbed::Testbed};

/// Our own kinds.
const GROUP: &str = "gastown.gastown.io/v1alpha1";
/// How many requests of the audit log are shown.
const REQUESTS: usize = 60;

pub(crate) async fn describe(testbed: &Testbed, namespace: &str, begin: Mark) -> String {
    let mut text = String::new();
    for (what, lines) in [
        ("configmaps", configmaps(testbed, namespace).await),
        ("jobs", jobs(testbed, namespace).await),
        ("pods", pods(testbed, namespace).await),
        ("events", events(testbed, namespace).await),
        (GROUP, own(testbed, namespace).await),
        ("requests", requests(testbed, namespace, begin)),
    ] {
        let lines = lines.unwrap_or_else(|error| vec![format!("cannot be listed: {error:#}")]);
        let _ = writeln!(text, "-- {what} ({})", lines.len());
        lines.iter().for_each(|line| text.extend([line, "\n"]));
    }
    text
}

type Lines = anyhow::Result<Vec<String>>;

async fn configmaps(testbed: &Testbed, namespace: &str) -> Lines {
    let api: Api<ConfigMap> = Api::namespaced(testbed.client(), namespace);
    let line = |object: ConfigMap| {
        let keys: Vec<&String> = object.data.iter().flatten().map(|(key, _)| key).collect();
        format!(
            "{} labels={:?} annotations={:?} data={keys:?}",
            object.name_any(),
            object.labels(),
            object.annotations()
        )
    };
    Ok(api
        .list(&Default::default())
        .await?
        .items
        .into_iter()
        .map(line)
        .collect())
}

async fn jobs(testbed: &Testbed, namespace: &str) -> Lines {
    let api: Api<Job> = Api::namespaced(testbed.client(), namespace);
    let line = |object: Job| {
        let suspend = object.spec.as_ref().and_then(|spec| spec.suspend);
        format!(
            "{} labels={:?} suspend={suspend:?} status={}",
            object.name_any(),
            object.labels(),
            json(&object.status)
        )
    };
    Ok(api
        .list(&Default::default())
        .await?
        .items
        .into_iter()
        .map(line)
        .collect())
}

async fn pods(testbed: &Testbed, namespace: &str) -> Lines {
    let api: Api<Pod> = Api::namespaced(testbed.client(), namespace);
    let line = |object: Pod| format!("{} status={}", object.name_any(), json(&object.status));
    Ok(api
        .list(&Default::default())
        .await?
        .items
        .into_iter()
        .map(line)
        .collect())
}

async fn events(testbed: &Testbed, namespace: &str) -> Lines {
    let api: Api<Event> = Api::namespaced(testbed.client(), namespace);
    let line = |event: Event| {
        let about = event.involved_object;
        let text = |field: Option<String>| field.unwrap_or_default();
        let (kind, name) = (text(about.kind), text(about.name));
        format!(
            "{} {kind}/{name} {}: {}",
            text(event.type_),
            text(event.reason),
            text(event.message)
        )
    };
    Ok(api
        .list(&Default::default())
        .await?
        .items
        .into_iter()
        .map(line)
        .collect())
}

/// The objects of every namespaced kind of our group that the server knows.
async fn own(testbed: &Testbed, namespace: &str) -> Lines {
    let client = testbed.client();
    let kinds = match client.list_api_group_resources(GROUP).await {
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Vec::new()),
        kinds => kinds?.resources,
    };
    let mut lines = Vec::new();
    for kind in kinds
        .into_iter()
        .filter(|kind| kind.namespaced && !kind.name.contains('/'))
    {
        let (group, version) = GROUP.split_once('/').unwrap_or_default();
        let gvk = GroupVersionKind::gvk(group, version, &kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, &kind.name);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        for object in api.list(&Default::default()).await? {
            lines.push(format!(
                "{}/{} labels={:?} {}",
                kind.name,
                object.name_any(),
                object.labels(),
                object.data
            ));
        }
    }
    Ok(lines)
}

fn requests(testbed: &Testbed, namespace: &str, begin: Mark) -> Lines {
    let all = testbed.audit().so_far(begin)?.in_namespace(namespace);
    let skipped = all.len().saturating_sub(REQUESTS);
    Ok(all.iter().skip(skipped).map(ToString::to_string).collect())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .unwrap_or(Value::Null)
        .to_string()
}
