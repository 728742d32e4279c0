//! The arguments: every flag, its environment variable, its unit and its default.
//!
//! A setting given as a flag and as an environment variable is taken from the flag. Secrets are never flags: a file, or an
//! environment variable of their own.

pub mod cluster;
pub mod controller;
pub mod duration;
pub mod git;
pub mod log;
pub mod offline;
pub mod output;
pub mod release;
pub mod select;
pub mod sync;
pub mod target;
pub mod worker;

use clap::{Parser, Subcommand};

pub use cluster::{ClusterArgs, ScopedClusterArgs};
pub use controller::ControllerArgs;
pub use git::GitArgs;
pub use log::LogArgs;
pub use offline::{
    CheckArgs, DiffArgs, ListArgs, ListingArgs, ReadyArgs, RenderArgs, ShowArgs, WhyArgs,
};
pub use output::{Colour, OutputArgs, OutputForm};
pub use release::ReleaseArgs;
pub use select::SelectArgs;
pub use sync::SyncArgs;
pub use target::{Target, TargetArgs};
pub use worker::WorkerCommand;

/// Mirrors a beads issue file from git into Kubernetes, lets agents work on what is ready, and answers questions without a cluster.
#[derive(Parser, Debug)]
#[command(
    name = "beadlet",
    version,
    propagate_version = true,
    max_term_width = 120,
    after_help = "Every flag is also an environment variable: --sync-interval is BEADLET_SYNC_INTERVAL. A flag wins.\n\
                  Durations are written like 30s, 5m, 1h30m or 7d."
)]
pub struct Cli {
    #[command(flatten)]
    pub log: LogArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Mirror a repository into a namespace, for as long as it runs or once
    Sync(Box<SyncArgs>),
    /// Run the controllers: mirrors of BeadStores, ready beads to Polecats to Jobs, Convoys
    Controller(Box<ControllerArgs>),
    /// Let BeadStores and Polecats be deleted where no controller runs any more
    Release(ReleaseArgs),
    /// Print the issues that could start now, in the tracker's order
    Ready(ReadyArgs),
    /// Print issues
    List(ListArgs),
    /// Print everything about one issue
    Show(ShowArgs),
    /// Say why an issue is not ready, or what its place in the order is
    Why(WhyArgs),
    /// Say what is wrong in an issue file, line by line
    Check(CheckArgs),
    /// Print the ConfigMaps of an issue file for `kubectl apply -f -`
    Render(RenderArgs),
    /// Say what a pass of the mirror would change in the cluster
    Diff(DiffArgs),
    /// Play the part of a container in a Polecat's pod
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Print the completion script of a shell
    #[command(
        after_help = "Examples:\n  beadlet completion bash > /etc/bash_completion.d/beadlet\n  \
                            beadlet completion zsh > \"${fpath[1]}/_beadlet\"\n  \
                            beadlet completion fish > ~/.config/fish/completions/beadlet.fish"
    )]
    Completion {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// A shell that completes arguments.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}
