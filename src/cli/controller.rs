//! The controllers as one process: BeadStores, dispatch, Polecats, Convoys.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::ScopedClusterArgs;
use super::duration::positive_duration;

#[derive(Args, Debug)]
#[command(
    after_help = "Exit code: 0 it was told to stop, 1 it could not go on, 2 wrong arguments.\n\
    SIGTERM and SIGINT let the passes in flight finish, a second one aborts.\n\n\
    Examples:\n  beadlet controller --leader-elect\n  \
    beadlet controller --namespace beads\n  \
    beadlet controller --controllers sync,dispatch    # beside gastown-operator, which then runs the Polecats"
)]
pub struct ControllerArgs {
    /// The controllers that run: `*` for all, or some of them
    #[arg(
        long,
        env = "BEADLET_CONTROLLERS",
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "*"
    )]
    pub controllers: Vec<Name>,

    /// How often everything is looked at although nothing happened
    #[arg(long, env = "BEADLET_RESYNC", value_name = "DURATION", default_value = "5m", value_parser = positive_duration)]
    pub resync: Duration,

    /// The address of /livez, /readyz and /metrics, like 0.0.0.0:8080 [default: none]
    #[arg(long, env = "BEADLET_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// The address of POST /webhook/NAMESPACE/BEADSTORE, which forges call after a push, like 0.0.0.0:8081 [default: none]
    #[arg(
        long,
        env = "BEADLET_WEBHOOK_LISTEN",
        value_name = "ADDRESS",
        help_heading = "Webhook"
    )]
    pub webhook_listen: Option<SocketAddr>,

    #[command(flatten)]
    pub cluster: ScopedClusterArgs,

    #[command(flatten)]
    pub election: ElectionArgs,

    #[command(flatten)]
    pub pods: PodArgs,

    #[command(flatten)]
    pub mirrors: MirrorsArgs,
}

/// A controller by name.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// All of them
    #[value(name = "*")]
    All,
    /// A mirror for every BeadStore
    Sync,
    /// Ready beads become Polecats
    Dispatch,
    /// Polecats become Jobs
    Polecat,
    /// Convoys add up
    Convoy,
}

/// One of several processes works, the others wait.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Election")]
pub struct ElectionArgs {
    /// Work only while this process holds the Lease
    #[arg(long, env = "BEADLET_LEADER_ELECT")]
    pub leader_elect: bool,

    /// The name of the Lease
    #[arg(
        long,
        env = "BEADLET_LEASE_NAME",
        value_name = "NAME",
        default_value = "beadlet-controller"
    )]
    pub lease_name: String,

    /// The namespace of the Lease [default: that of the service account, or of the context]
    #[arg(long, env = "BEADLET_LEASE_NAMESPACE", value_name = "NAMESPACE")]
    pub lease_namespace: Option<String>,

    /// How long the Lease holds without being renewed, in whole seconds
    #[arg(long, env = "BEADLET_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = positive_duration)]
    pub lease_duration: Duration,

    /// How often the Lease is renewed, or asked for
    #[arg(long, env = "BEADLET_LEASE_RENEWAL", value_name = "DURATION", default_value = "5s", value_parser = positive_duration)]
    pub lease_renewal: Duration,
}

/// What pods are made of when neither a Polecat nor its Rig says.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Pods")]
pub struct PodArgs {
    /// The image with this program, for the containers that clone and push
    #[arg(long, env = "BEADLET_IMAGE", value_name = "IMAGE", default_value = concat!("beadlet:", env!("CARGO_PKG_VERSION")))]
    pub image: String,

    /// The image of the agent opencode
    #[arg(long, env = "BEADLET_OPENCODE_IMAGE", value_name = "IMAGE", default_value = concat!("beadlet-opencode:", env!("CARGO_PKG_VERSION")))]
    pub opencode_image: String,

    /// The image of the agent claude-code
    #[arg(long, env = "BEADLET_CLAUDE_CODE_IMAGE", value_name = "IMAGE", default_value = concat!("beadlet-claude-code:", env!("CARGO_PKG_VERSION")))]
    pub claude_code_image: String,

    /// The e-mail address under which polecats commit, and what is written back
    #[arg(
        long,
        env = "BEADLET_AUTHOR_EMAIL",
        value_name = "ADDRESS",
        default_value = "polecat@localhost"
    )]
    pub author_email: String,
}

/// How BeadStores are mirrored.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Mirrors")]
pub struct MirrorsArgs {
    /// Where clones are kept [default: $XDG_CACHE_HOME/beadlet, else ~/.cache/beadlet, else a folder of this user in the temporary folder]
    #[arg(long, env = "BEADLET_CACHE_DIR", value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,

    /// Let BeadStores and Rigs name repositories on this machine's own disk
    #[arg(long, env = "BEADLET_LOCAL_REPOSITORIES")]
    pub local_repositories: bool,
}
