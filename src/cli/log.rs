//! What is logged, and how.

use clap::{Args, ValueEnum};

/// Where the log goes is fixed: standard error.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// What to log: a level (error, warn, info, debug, trace) or filters like `info,beadlet_sync=debug`. RUST_LOG is read
    /// when this is not given. Without both: `info` for sync, `warn` for the rest
    #[arg(long, global = true, env = "BEADLET_LOG_LEVEL", value_name = "FILTER")]
    pub log_level: Option<String>,

    /// How a log line looks
    #[arg(
        long,
        global = true,
        env = "BEADLET_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,
}

/// The form of a log line.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}
