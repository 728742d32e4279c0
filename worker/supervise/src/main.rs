//! The supervisor as a program of its own, for images that have nothing but the agent.

use std::process::ExitCode;

use beadlet_supervise::{RunArgs, contract};
use clap::Parser;

#[derive(Parser)]
#[command(name = "beadlet-supervise", version)]
struct Cli {
    #[command(flatten)]
    run: RunArgs,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    ExitCode::from(beadlet_supervise::run(&cli.run).code())
}

/// Help and version are no error; anything else is a wrong setting, with a code that says so.
fn refused(error: &clap::Error) -> ExitCode {
    let wrong = error.use_stderr();
    if error.print().is_err() || wrong {
        contract::ExitCode::AgentSettings.code().into()
    } else {
        ExitCode::SUCCESS
    }
}
