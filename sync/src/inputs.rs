//! Reads what a BeadStore refers to: its Rig, its Secrets and ConfigMaps by name.

use std::collections::BTreeMap;

use beadlet_store::kinds::{BeadStore, Rig};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, ResourceExt};

use crate::controller::{Ask, Error as ControlError};
use crate::decide::beadstore::{Inputs, References, Wrong, webhook_secret};
use crate::git;

/// The Rig that the store names, if it exists.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn rig(client: &Client, store: &BeadStore) -> Result<Option<Rig>, ControlError> {
    let Some(name) = &store.spec.rig_ref else {
        return Ok(None);
    };
    Api::<Rig>::all(client.clone())
        .get_opt(name)
        .await
        .map_err(ControlError::of(Ask::ReadRig))
}

/// What is in the objects that the store refers to, or which of them is missing.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn inputs(
    client: &Client,
    store: &BeadStore,
) -> Result<Result<Inputs, Wrong>, ControlError> {
    let References {
        credential,
        known_hosts,
        ca_bundle,
        signing_key,
        webhook: _,
    } = References::of(&store.spec);
    let namespace = store.namespace().unwrap_or_default();
    let mut inputs = Inputs::default();
    let secrets = [
        (credential, &mut inputs.credential),
        (signing_key, &mut inputs.signing_key),
    ];
    for (name, place) in secrets {
        let Some(name) = name else { continue };
        match found("Secret", name, secret(client, &namespace, name).await)? {
            Ok(data) => *place = data,
            Err(wrong) => return Ok(Err(wrong)),
        }
    }
    let configmaps = [
        (known_hosts, &mut inputs.known_hosts),
        (ca_bundle, &mut inputs.ca_bundle),
    ];
    for (name, place) in configmaps {
        let Some(name) = name else { continue };
        match found("ConfigMap", name, configmap(client, &namespace, name).await)? {
            Ok(data) => *place = data,
            Err(wrong) => return Ok(Err(wrong)),
        }
    }
    Ok(Ok(inputs))
}

/// What the store's webhooks are signed with, or why there is nothing; `None` where it takes none.
///
/// # Errors
/// When the cluster cannot be asked.
pub(crate) async fn webhook(
    client: &Client,
    store: &BeadStore,
) -> Result<Option<Result<git::Secret, Wrong>>, ControlError> {
    let Some(name) = References::of(&store.spec).webhook else {
        return Ok(None);
    };
    let namespace = store.namespace().unwrap_or_default();
    let data = found("Secret", name, secret(client, &namespace, name).await)?;
    Ok(Some(data.and_then(|data| webhook_secret(name, data))))
}

async fn secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, Vec<u8>>>, ControlError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let found = api
        .get_opt(name)
        .await
        .map_err(ControlError::of(Ask::ReadSecret))?;
    let data = found.map(|secret| secret.data.unwrap_or_default().into_iter());
    Ok(data.map(|data| data.map(|(key, value)| (key, value.0)).collect()))
}

async fn configmap(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<BTreeMap<String, String>>, ControlError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = api
        .get_opt(name)
        .await
        .map_err(ControlError::of(Ask::ReadConfigMap))?;
    Ok(found.map(|configmap| configmap.data.unwrap_or_default()))
}

/// What a person has to see to is no failure of ours.
fn found<T>(
    kind: &'static str,
    name: &str,
    answer: Result<Option<T>, ControlError>,
) -> Result<Result<T, Wrong>, ControlError> {
    match answer {
        Ok(Some(value)) => Ok(Ok(value)),
        Ok(None) => Ok(Err(Wrong::Missing {
            kind,
            name: name.to_owned(),
        })),
        Err(error) if error.is_forbidden() => Ok(Err(Wrong::Forbidden {
            kind,
            name: name.to_owned(),
        })),
        Err(error) => Err(error),
    }
}
