//! The kinds of the second act: whether they may be brought in, and how they are taken away again.

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use beadlet_store::kinds::{BeadStore, Convoy, Polecat, Rig, crds};
use beadlet_testbed::kinds;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::place::Place;
use crate::screen::Screen;

/// How long a controller may take to let go of what it looks after.
const PARTING: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
/// Where `make demo` runs, and where this was built.
const CRDS: &str = "deploy/crds";
const BUILT_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Why the second act is left out in a cluster that is not ours; None: nobody is disturbed by it.
///
/// # Errors
/// The cluster does not say.
pub(crate) async fn obstacle(place: &Place) -> Result<Option<String>> {
    if !place.is_borrowed() {
        return Ok(None);
    }
    let all: Api<CustomResourceDefinition> = Api::all(place.client.clone());
    for crd in crds() {
        if all.get_metadata_opt(&crd.name_any()).await?.is_some() {
            let why = "the kinds are in this cluster already, others may be at work with them";
            return Ok(Some(why.to_owned()));
        }
    }
    let nodes: Api<Node> = Api::all(place.client.clone());
    let nodes = nodes.list_metadata(&ListParams::default().limit(1)).await?;
    let why = "this cluster has nodes, and the demo has no images for them";
    Ok((!nodes.items.is_empty()).then(|| why.to_owned()))
}

/// Installs the kinds as a person does.
pub(crate) async fn install(screen: Screen, place: &Place) -> Result<()> {
    let built = Path::new(BUILT_IN).join(CRDS).display().to_string();
    let folder = if Path::new(CRDS).is_dir() {
        CRDS
    } else {
        &built
    };
    place
        .kubectl
        .quietly(screen, &["apply", "-f", folder])
        .await?;
    kinds::served(&place.client).await?;
    let names: Vec<String> = crds()
        .into_iter()
        .map(|crd| crd.spec.names.plural)
        .collect();
    let parting = if place.is_borrowed() {
        ", removed at the end"
    } else {
        ""
    };
    screen.line(&format!("{}{parting}", names.join(", ")));
    Ok(())
}

/// Deletes what a controller holds on to, while it still runs. What it does not let go of in time is let go of for it.
pub(crate) async fn release(place: &Place, rig: &str) -> Result<()> {
    let rigs: Api<Rig> = Api::all(place.client.clone());
    if let Err(error) = rigs.delete(rig, &DeleteParams::default()).await {
        ensure!(is_not_found(&error), "rig {rig} may be left: {error}");
    }
    delete_all::<Polecat>(place).await?;
    delete_all::<BeadStore>(place).await
}

async fn delete_all<K>(place: &Place) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(place.client.clone(), &place.namespace);
    let all = ListParams::default();
    api.delete_collection(&DeleteParams::default(), &all)
        .await?;
    let end = Instant::now() + PARTING;
    while !api.list_metadata(&all).await?.items.is_empty() {
        if Instant::now() > end {
            return let_go(&api).await;
        }
        sleep(LOOK).await;
    }
    Ok(())
}

async fn let_go<K>(api: &Api<K>) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    for left in api.list_metadata(&ListParams::default()).await?.items {
        api.patch_metadata(&left.name_any(), &PatchParams::default(), &free)
            .await?;
    }
    Ok(())
}

/// Removes the kinds, unless somebody has made objects of them meanwhile.
///
/// # Errors
/// They are left, and why.
pub(crate) async fn remove(client: &Client) -> Result<()> {
    let used = [
        is_used::<Rig>(client).await?,
        is_used::<BeadStore>(client).await?,
        is_used::<Polecat>(client).await?,
        is_used::<Convoy>(client).await?,
    ];
    ensure!(
        !used.contains(&true),
        "there are objects of them now that the demo did not make"
    );
    let all: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds() {
        let name = crd.name_any();
        all.delete(&name, &DeleteParams::default())
            .await
            .with_context(|| format!("cannot remove {name}"))?;
    }
    Ok(())
}

async fn is_used<K>(client: &Client) -> Result<bool>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::all(client.clone());
    let found = api.list_metadata(&ListParams::default().limit(1)).await?;
    Ok(!found.items.is_empty())
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
