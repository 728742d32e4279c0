//! `beadlet`: parses the arguments, does what they ask, says what went wrong. Under the name `kubectl-bead` it is a plugin of kubectl.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use beadlet::cli::Cli;
use beadlet::{command, log, plugin, terminal};
use clap::Parser as _;

fn main() -> ExitCode {
    let program = std::env::args_os().next();
    if plugin::is_asked(program.as_deref().map(Path::new)) {
        return ended(as_plugin(plugin::cli::Cli::parse()), ExitCode::FAILURE);
    }
    let cli = Cli::parse();
    let failure = cli.command.failure();
    ended(run(cli), failure)
}

fn ended(answer: anyhow::Result<ExitCode>, failure: ExitCode) -> ExitCode {
    answer.unwrap_or_else(|error| {
        terminal::note(&format!("error: {error:#}"));
        failure
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    log::start(&cli.log, &cli.command)?;
    let runtime = runtime()?;
    let code = runtime.block_on(command::run(cli))?;
    // A thread that hangs in a call to a git server must not keep the process.
    runtime.shutdown_background();
    Ok(code)
}

fn as_plugin(cli: plugin::cli::Cli) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(plugin::run(cli))?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")
}
