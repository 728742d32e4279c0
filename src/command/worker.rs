//! What runs inside a Polecat's pod.

use std::process::ExitCode;

use crate::cli::WorkerCommand;

/// Plays the part of one container to its end, in a thread of its own: each brings the runtime that it waits for signals in.
pub(super) async fn worker(command: WorkerCommand) -> ExitCode {
    let played = tokio::task::spawn_blocking(move || match command {
        WorkerCommand::Clone(args) => beadlet_worker::clone(&args),
        WorkerCommand::Run(args) => beadlet_supervise::run(&args),
        WorkerCommand::Push(args) => beadlet_worker::push(&args),
    });
    played
        .await
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(code.code()))
}
