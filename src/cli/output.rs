//! The form of the answer.

use clap::{Args, ValueEnum};

/// How the answer is printed.
#[derive(Args, Debug, Clone, Copy)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The form of the answer
    #[arg(
        short,
        long,
        env = "BEADLET_OUTPUT",
        value_name = "FORM",
        default_value = "table"
    )]
    pub output: OutputForm,

    /// Leave out the header line of a table
    #[arg(long, env = "BEADLET_NO_HEADERS")]
    pub no_headers: bool,

    /// When to use colours. `auto` means on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        env = "BEADLET_COLOR",
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: Colour,
}

/// The form of an answer.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputForm {
    /// For people
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// Ids only, one a line
    Name,
    /// The objects as they stand in git
    Json,
    /// The same as YAML
    Yaml,
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}
