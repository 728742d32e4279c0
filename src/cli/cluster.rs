//! Which cluster, and which namespace in it.

use std::path::PathBuf;

use clap::Args;

/// How the cluster is reached. In a pod the service account is used, outside the kubeconfig.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// The kubeconfig file [default: the files in KUBECONFIG, else ~/.kube/config]
    #[arg(long, env = "BEADLET_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current context]
    #[arg(long, env = "BEADLET_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,

    /// The namespace [default: that of the context, or of the service account]
    #[arg(short, long, env = "BEADLET_NAMESPACE")]
    pub namespace: Option<String>,
}

/// How the cluster is reached by what looks after objects in all of its namespaces, or in one.
#[derive(Args, Debug, Clone)]
pub struct ScopedClusterArgs {
    /// The kubeconfig file [default: the files in KUBECONFIG, else ~/.kube/config]
    #[arg(
        long,
        env = "BEADLET_KUBECONFIG",
        value_name = "FILE",
        help_heading = "Cluster"
    )]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current context]
    #[arg(
        long,
        env = "BEADLET_CONTEXT",
        value_name = "NAME",
        help_heading = "Cluster"
    )]
    pub context: Option<String>,

    /// The only namespace whose objects are looked after [default: all]
    #[arg(short, long, env = "BEADLET_NAMESPACE", help_heading = "Cluster")]
    pub namespace: Option<String>,
}

impl ScopedClusterArgs {
    /// The same cluster, in the namespace that its context names.
    pub fn to_cluster_args(&self) -> ClusterArgs {
        ClusterArgs {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: None,
        }
    }
}
