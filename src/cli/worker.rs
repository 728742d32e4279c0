//! What runs inside a Polecat's pod.

use beadlet_supervise::RunArgs;
use beadlet_worker::{CloneArgs, PushArgs};
use clap::Subcommand;

/// The containers of a Polecat's pod.
#[derive(Subcommand, Debug)]
#[command(
    after_help = "Exit code: 0 the container did its part, 40 to 49 git-init, 50 to 59 agent, 60 to 69 git-push, 2 wrong arguments."
)]
pub enum WorkerCommand {
    /// git-init: bring the repository into the workspace and make the work branch
    Clone(Box<CloneArgs>),
    /// agent: start the agent with the bead as its task, watch it, and record how it ended
    Run(Box<RunArgs>),
    /// git-push: wait for the agent to end, commit what it left, push the work branch
    Push(Box<PushArgs>),
}
