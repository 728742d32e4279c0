//! What a namespace holds, as text for the person whose test failed.

use std::fmt::{Debug, Write};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        batch::v1::Job,
        core::v1::{ConfigMap, Event, Pod},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde::de::DeserializeOwned;
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

/// One line for each object of a kind.
async fn lines<K>(testbed: &Testbed, namespace: &str, line: impl Fn(K) -> String) -> Lines
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(testbed.client(), namespace);
    let objects = api.list(&Default::default()).await?;
    Ok(objects.items.into_iter().map(line).collect())
}

async fn configmaps(testbed: &Testbed, namespace: &str) -> Lines {
    let line = |object: ConfigMap| {
        let keys: Vec<&String> = object.data.iter().flatten().map(|(key, _)| key).collect();
        format!(
            "{} labels={:?} annotations={:?} data={keys:?}",
            object.name_any(),
            object.labels(),
            object.annotations()
        )
    };
    lines(testbed, namespace, line).await
}

async fn jobs(testbed: &Testbed, namespace: &str) -> Lines {
    let line = |object: Job| {
        let suspend = object.spec.as_ref().and_then(|spec| spec.suspend);
        format!(
            "{} labels={:?} suspend={suspend:?} status={}",
            object.name_any(),
            object.labels(),
            json(&object.status)
        )
    };
    lines(testbed, namespace, line).await
}

async fn pods(testbed: &Testbed, namespace: &str) -> Lines {
    let line = |object: Pod| format!("{} status={}", object.name_any(), json(&object.status));
    lines(testbed, namespace, line).await
}

async fn events(testbed: &Testbed, namespace: &str) -> Lines {
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
    lines(testbed, namespace, line).await
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
