//! Letting go of a cluster.

use clap::Args;

use super::ScopedClusterArgs;
use super::controller::ElectionArgs;

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 everything can be deleted, 1 not yet, 2 wrong arguments.\n\
    With --leader-elect it waits until no controller leads, and removes their Lease at the end.\n\n\
    Examples:\n  beadlet release --leader-elect --deployment beadlet-controller\n  \
    beadlet release --namespace beads"
)]
pub struct ReleaseArgs {
    #[command(flatten)]
    pub cluster: ScopedClusterArgs,

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
