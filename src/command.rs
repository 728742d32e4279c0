//! The commands: each reads, asks the deciding code, and prints.

mod check;
mod completion;
mod controller;
mod diff;
mod issues;
mod one;
mod release;
mod render;
mod sync;
mod worker;

use std::io;
use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::cluster::ClusterError;
use crate::input::InputError;
use crate::settings::SettingsError;
use crate::view::json::FormError;

pub use controller::ControllerError;
pub use release::ReleaseError;
pub use sync::SyncError;

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{}", unknown_issue(.id, .origin, .near))]
    UnknownIssue {
        id: String,
        origin: String,
        near: Vec<String>,
    },
    #[error("issue {id} was deleted in {origin}")]
    DeletedIssue { id: String, origin: String },
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Controller(#[from] ControllerError),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error("cannot print the answer")]
    Form(#[from] FormError),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

fn unknown_issue(id: &str, origin: &str, near: &[String]) -> String {
    match near {
        [] => format!("no issue {id} in {origin}; `beadlet list -o name` prints the ids"),
        near => format!(
            "no issue {id} in {origin}; the nearest are {}",
            near.join(", ")
        ),
    }
}

impl Command {
    /// The exit code when the command cannot do what it was asked.
    #[must_use]
    pub fn failure(&self) -> ExitCode {
        match self {
            Self::Check(_) | Self::Diff(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Does what the arguments ask. The exit code says what was found.
///
/// # Errors
/// When it cannot be done; [`Command::failure`] is the exit code then.
pub async fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.command {
        Command::Ready(args) => issues::ready(&args).await,
        Command::List(args) => issues::list(&args).await,
        Command::Show(args) => one::show(&args.ordered()).await,
        Command::Why(args) => one::why(&args.ordered()).await,
        Command::Check(args) => check::check(&args).await,
        Command::Diff(args) => diff::diff(&args).await,
        Command::Render(args) => render::render(&args).await,
        Command::Completion { shell } => completion::completion(shell),
        Command::Sync(args) => sync::sync(&args).await,
        Command::Controller(args) => Box::pin(controller::controller(&args)).await,
        Command::Release(args) => release::release(&args).await,
        Command::Worker(command) => Ok(worker::worker(command).await),
    }
}
