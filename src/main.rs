//! `beadlet`: parses the arguments, does what they ask, says what went wrong.

use std::process::ExitCode;

use anyhow::Context as _;
use beadlet::cli::Cli;
use beadlet::{command, log, terminal};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let failure = cli.command.failure();
    run(cli).unwrap_or_else(|error| {
        terminal::note(&format!("error: {error:#}"));
        failure
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    log::start(&cli.log, &cli.command)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let code = runtime.block_on(command::run(cli))?;
    // A thread that hangs in a call to a git server must not keep the process.
    runtime.shutdown_background();
    Ok(code)
}
