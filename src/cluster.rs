//! The connection to the cluster.

use std::path::PathBuf;

use beadlet_store::cluster::Fault;
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::cli::ClusterArgs;

/// A client and the namespace that is meant.
#[derive(Clone)]
pub struct Connection {
    pub client: Client,
    pub namespace: String,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("cannot use the kubeconfig {}", path.display())]
    File {
        path: PathBuf,
        source: Box<KubeconfigError>,
    },
    #[error("cannot use the context {context:?} of the kubeconfig")]
    Context {
        context: String,
        source: Box<KubeconfigError>,
    },
    #[error(
        "no cluster is known: there is no kubeconfig that can be used and this is no pod; give --kubeconfig or set KUBECONFIG"
    )]
    Unknown { source: Box<InferConfigError> },
    #[error("cannot read the ConfigMaps of namespace {namespace}")]
    List {
        namespace: String,
        source: Box<Fault>,
    },
    #[error("cannot read the names of the ConfigMaps of namespace {namespace}")]
    Names {
        namespace: String,
        source: Box<kube::Error>,
    },
    #[error("cannot read the ConfigMap {name}")]
    Read {
        name: String,
        source: Box<kube::Error>,
    },
    #[error("cannot make a client for the cluster")]
    Client { source: Box<kube::Error> },
}

/// Makes a client. Nothing is sent to the cluster yet.
///
/// # Errors
/// When no cluster is known, or what is known of it cannot be used.
pub async fn connect(args: &ClusterArgs) -> Result<Connection, ClusterError> {
    let ClusterArgs {
        kubeconfig,
        context,
        namespace,
    } = args;
    let mut config = match (kubeconfig, context) {
        (Some(path), context) => from_file(path.clone(), context.clone()).await?,
        (None, Some(context)) => from_context(context.clone()).await?,
        (None, None) => Config::infer()
            .await
            .map_err(|source| ClusterError::Unknown {
                source: Box::new(source),
            })?,
    };
    let namespace = namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    // `beadlet_store::cluster` tries again by itself: for seconds and not minutes, and a 429 holds for all its requests.
    config.default_retry = false;
    let client = Client::try_from(config).map_err(|source| ClusterError::Client {
        source: Box::new(source),
    })?;
    Ok(Connection { client, namespace })
}

async fn from_file(path: PathBuf, context: Option<String>) -> Result<Config, ClusterError> {
    let failed = |source| ClusterError::File {
        path: path.clone(),
        source: Box::new(source),
    };
    let kubeconfig = Kubeconfig::read_from(&path).map_err(failed)?;
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|source| match context {
            Some(context) => ClusterError::Context {
                context,
                source: Box::new(source),
            },
            None => failed(source),
        })
}

async fn from_context(context: String) -> Result<Config, ClusterError> {
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let failed = |source| ClusterError::Context {
        context,
        source: Box::new(source),
    };
    Config::from_kubeconfig(&options).await.map_err(failed)
}
