//! `beadlet release`.

use std::process::ExitCode;
use std::sync::Arc;

use beadlet_scheduler::fault::Fault;
use beadlet_scheduler::observations::Unobserved;
use beadlet_scheduler::settings::Election;
use beadlet_scheduler::term::Term;
use beadlet_scheduler::{RunError, elected};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use super::CommandError;
use super::controller::election;
use crate::cli::release::ReleaseArgs;
use crate::cluster::{Connection, connect};

/// Why not everything was let go.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error(transparent)]
    Election(#[from] RunError),
    #[error("cannot let all BeadStores go; run it again")]
    Stores(#[from] beadlet_sync::controller::Error),
    #[error("cannot let all Polecats go; run it again")]
    Polecats(#[source] Fault),
    #[error("cannot scale Deployment {name} in namespace {namespace} to none")]
    Scale {
        name: String,
        namespace: String,
        source: Box<kube::Error>,
    },
    #[error("cannot delete the Lease {lease} in namespace {namespace}")]
    Lease {
        lease: String,
        namespace: String,
        source: Box<kube::Error>,
    },
}

/// Waits until no controller leads, lets everything go, and removes the Lease that controllers leave behind.
pub(super) async fn release(args: &ReleaseArgs) -> Result<ExitCode, CommandError> {
    let cluster = args.cluster.to_cluster_args();
    let Connection { client, namespace } = connect(&cluster).await?;
    let election = election(&args.election, &namespace)?;
    if let (Some(name), Some(election)) = (&args.deployment, &election) {
        scale_down(client.clone(), &election.namespace, name).await?;
    }
    let scope = args.cluster.namespace.as_deref();
    let work = |term| let_go(client.clone(), scope, term);
    elected(
        client.clone(),
        election.clone(),
        Arc::new(Unobserved),
        std::future::pending(),
        work,
    )
    .await?;
    if let Some(election) = election {
        remove(client, &election).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Controllers that nobody runs end, and give the Lease back.
async fn scale_down(client: Client, namespace: &str, name: &str) -> Result<(), ReleaseError> {
    let deployments: Api<Deployment> = Api::namespaced(client, namespace);
    let (params, none) = (
        PatchParams::default(),
        Patch::Merge(json!({"spec": {"replicas": 0}})),
    );
    match deployments.patch_scale(name, &params, &none).await {
        Err(error) if !is_not_found(&error) => Err(ReleaseError::Scale {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            source: Box::new(error),
        }),
        _ => Ok(()),
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

async fn let_go(client: Client, scope: Option<&str>, term: Term) -> Result<(), ReleaseError> {
    let stores = beadlet_sync::controller::release(client.clone(), scope).await?;
    let polecats = beadlet_scheduler::release(client, scope, term)
        .await
        .map_err(ReleaseError::Polecats)?;
    tracing::info!(stores, polecats, "finalizers are off");
    Ok(())
}

async fn remove(client: Client, election: &Election) -> Result<(), ReleaseError> {
    let leases: Api<Lease> = Api::namespaced(client, &election.namespace);
    match leases
        .delete(&election.lease, &DeleteParams::default())
        .await
    {
        Err(error) if !is_not_found(&error) => Err(ReleaseError::Lease {
            lease: election.lease.clone(),
            namespace: election.namespace.clone(),
            source: Box::new(error),
        }),
        _ => Ok(()),
    }
}
