//! What lets BeadStores be deleted where no controller runs any more.

use beadlet_store::kinds::BeadStore;
use kube::api::ListParams;
use kube::{Api, Client};

use super::cluster::{Ask, Cluster, ControlError};
use super::part_with;

/// Does with every BeadStore what its controller does before it may go, but for the mirror, which stays: takes it off the owners of its
/// ConfigMaps where its policy says that they outlive it, and takes the finalizer off. Gives the number of BeadStores. A repetition does
/// what is left.
///
/// # Errors
/// When the API server refuses, or somebody else changed the BeadStore meanwhile.
pub async fn release(client: Client, namespace: Option<&str>) -> Result<usize, ControlError> {
    let stores: Api<BeadStore> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let cluster = Cluster::new(client);
    let found = stores.list(&ListParams::default()).await;
    let found = found.map_err(ControlError::of(Ask::ReadStores))?.items;
    for store in &found {
        part_with(store, &cluster).await?;
    }
    Ok(found.len())
}
