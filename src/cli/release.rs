//! Letting go of a cluster.

use std::path::PathBuf;

use clap::Args;

use super::controller::ElectionArgs;

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 everything can be deleted, 1 not yet, 2 wrong arguments.\n\
    With --leader-elect it waits until no controller leads, and removes their Lease at the end.\n\n\
    Examples:\n  beadlet release --leader-elect --deployment beadlet-controller\n  \
    beadlet release --namespace beads"
)]
pub struct ReleaseArgs {
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

    /// The Deployment of the controllers in the namespace of the Lease, which is scaled to none first
    #[arg(
        long,
        env = "BEADLET_DEPLOYMENT",
        value_name = "NAME",
        requires = "leader_elect"
    )]
    pub deployment: Option<String>,

    #[command(flatten)]
    pub election: ElectionArgs,
}
