//! The log, on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::cli::log::LogFormat;
use crate::cli::{Command, LogArgs};

/// A filter that is none.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "cannot use the log filter {given:?}; write a level or filters like info,beadlet_sync=debug"
    )]
    Filter { given: String, source: ParseError },
}

/// Starts the log. Called once, before anything else is done.
///
/// # Errors
/// When the filter is none.
pub fn start(args: &LogArgs, command: &Command) -> Result<(), LogError> {
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter(args, command)?);
    match args.log_format {
        LogFormat::Text => log
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

fn filter(args: &LogArgs, command: &Command) -> Result<EnvFilter, LogError> {
    let from_environment = || {
        std::env::var("RUST_LOG")
            .ok()
            .filter(|filter| !filter.is_empty())
    };
    let given = args.log_level.clone().or_else(from_environment);
    let filter = given.unwrap_or_else(|| default_filter(command).to_owned());
    EnvFilter::try_new(&filter).map_err(|source| LogError::Filter {
        given: filter,
        source,
    })
}

fn default_filter(command: &Command) -> &'static str {
    match command {
        Command::Sync(_) | Command::Controller(_) | Command::Worker(_) => "info",
        _ => "warn",
    }
}
