//! beadlet's own kinds in a control plane.

use std::time::Duration;

use anyhow::{Context, Result};
use beadlet_store::kinds::crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::{conditions, wait::await_condition};
use kube::{Api, Client, ResourceExt};
use tokio::time::{sleep, timeout};

/// How long an API server may take to serve a new kind.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// Installs the CRDs, or brings them up to date, and waits until the kinds are served.
///
/// # Errors
/// The API server refuses, or does not serve them in time.
pub async fn install(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let params = PatchParams::apply("testbed").force();
    for crd in crds() {
        api.patch(&crd.name_any(), &params, &Patch::Apply(&crd))
            .await
            .with_context(|| format!("cannot install {}", crd.name_any()))?;
    }
    served(client).await
}

/// Waits until every kind is served.
///
/// # Errors
/// It is not in time.
pub async fn served(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds() {
        let name = crd.name_any();
        let established = conditions::is_crd_established();
        timeout(PATIENCE, await_condition(api.clone(), &name, established))
            .await
            .with_context(|| format!("{name} is not established after {PATIENCE:?}"))??;
        timeout(PATIENCE, answered(client, &crd))
            .await
            .with_context(|| format!("{name} is not served after {PATIENCE:?}"))?;
    }
    Ok(())
}

/// Established is not yet answered: the server still sets its storage up.
async fn answered(client: &Client, crd: &CustomResourceDefinition) {
    let (group, kind) = (&crd.spec.group, &crd.spec.names.kind);
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1alpha1", kind));
    let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    while objects.list(&ListParams::default().limit(1)).await.is_err() {
        sleep(LOOK).await;
    }
}
