//! `beadlet completion`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::{Shell as Script, generate};

use super::CommandError;
use crate::cli::{Cli, Shell};
use crate::terminal;

/// Prints the completion script. It is made in memory first: the generator panics when it cannot write.
pub(super) fn completion(shell: Shell) -> Result<ExitCode, CommandError> {
    let script = match shell {
        Shell::Bash => Script::Bash,
        Shell::Zsh => Script::Zsh,
        Shell::Fish => Script::Fish,
        Shell::PowerShell => Script::PowerShell,
    };
    let mut text = Vec::new();
    generate(script, &mut Cli::command(), "beadlet", &mut text);
    terminal::print(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
