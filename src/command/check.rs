//! `beadlet check`.

use std::process::ExitCode;

use beadlet_store::reader;

use super::CommandError;
use crate::check::{Findings, findings, refused};
use crate::cli::{CheckArgs, OutputForm};
use crate::input::load;
use crate::terminal;
use crate::view;
use crate::view::json::{pretty, yaml};

/// Prints what is wrong. The exit code is 1 when anything is.
pub(super) async fn check(args: &CheckArgs) -> Result<ExitCode, CommandError> {
    let input = load(&args.target).await?;
    let found = match reader::read(&input.bytes) {
        Ok(reading) => findings(
            &reading,
            &input.tracker.config,
            input.tracker.problem.as_deref(),
        ),
        Err(refusal) => refused(&refusal),
    };
    let text = match args.output.output {
        OutputForm::Json => pretty(&found)?,
        OutputForm::Yaml => yaml(&found)?,
        OutputForm::Name => found
            .problems
            .iter()
            .filter_map(|problem| problem.id.as_deref())
            .map(|id| format!("{id}\n"))
            .collect(),
        OutputForm::Table | OutputForm::Wide => table(args, &input.origin, &found),
    };
    terminal::print(&text)?;
    Ok(if found.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn table(args: &CheckArgs, origin: &str, found: &Findings) -> String {
    let summary = view::check::summary(origin, found);
    if found.problems.is_empty() {
        return summary;
    }
    let table = view::check::table(found);
    table.render(
        terminal::header(&args.output),
        terminal::paint(args.output.color),
    ) + &summary
}
