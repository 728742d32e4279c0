//! Reads what a cluster holds of beads and polecats, once.

use beadlet_scheduler::decide::bead::Bead;
use beadlet_store::keys::label;
use beadlet_store::kinds::{Convoy, Rig};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::decide::town::{Mirrored, Town};

/// What could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {}", words(.source))]
pub struct ReadError {
    what: &'static str,
    source: Box<kube::Error>,
}

/// What the API server said.
pub(super) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// All of one namespace, or of all, and the Rigs.
pub(super) async fn town(client: &Client, namespace: Option<&str>) -> Result<Town, ReadError> {
    let mirrored = ListParams::default().labels(&format!(
        "{}={},{}",
        label::MANAGED_BY,
        label::MANAGED_BY_BEADLET,
        label::READY
    ));
    let all = ListParams::default();
    let (configmaps, rigs, stores, polecats, convoys) = tokio::try_join!(
        list::<ConfigMap>(client, namespace, &mirrored, "the beads' ConfigMaps"),
        rigs(client),
        list(client, namespace, &all, "BeadStores"),
        list(client, namespace, &all, "Polecats"),
        convoys(client, namespace),
    )?;
    let beads = configmaps.into_iter().filter_map(|configmap| {
        let bead = Bead::parse(&configmap).ok()?;
        Some(Mirrored { bead, configmap })
    });
    Ok(Town {
        namespace: namespace.map(ToOwned::to_owned),
        beads: beads.collect(),
        rigs,
        stores,
        polecats,
        convoys,
    })
}

pub(super) async fn rigs(client: &Client) -> Result<Vec<Rig>, ReadError> {
    let api: Api<Rig> = Api::all(client.clone());
    listed(api.list(&ListParams::default()).await, "Rigs")
}

pub(super) async fn convoys(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<Convoy>, ReadError> {
    list(client, namespace, &ListParams::default(), "Convoys").await
}

async fn list<K>(
    client: &Client,
    namespace: Option<&str>,
    params: &ListParams,
    what: &'static str,
) -> Result<Vec<K>, ReadError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    listed(api.list(params).await, what)
}

pub(super) fn listed<K: Clone>(
    answer: kube::Result<kube::core::ObjectList<K>>,
    what: &'static str,
) -> Result<Vec<K>, ReadError> {
    read(answer, what).map(|list| list.items)
}

pub(super) fn read<T>(answer: kube::Result<T>, what: &'static str) -> Result<T, ReadError> {
    answer.map_err(|source| ReadError {
        what,
        source: Box::new(source),
    })
}
