//! What runs beside a coding agent in its container: it starts the agent with the bead as its task, watches it, passes signals on, takes
//! leave of orphans, and records how the agent ended.
//!
//! There is no git and no Kubernetes in here, so that the program can be linked statically and put into any image.

pub mod agent;
mod args;
pub mod bead;
mod changes;
mod conclusion;
pub mod contract;
pub mod files;
mod memory;
mod output;
mod prepare;
mod process;
pub mod prompt;
pub mod report;
mod run;
pub mod setting;
mod signals;
mod vigil;
pub mod watch;

pub use args::RunArgs;
pub use run::{RunError, run, with_sources};
