//! `beadlet ready` and `beadlet list`.

use std::process::ExitCode;

use beadlet_store::configmap::Renderer;
use beadlet_store::issue::Issue;

use super::CommandError;
use crate::board::Board;
use crate::cli::offline::MirrorArgs;
use crate::cli::{ListArgs, ListingArgs, OutputArgs, OutputForm, ReadyArgs, SelectArgs};
use crate::input::{Input, load, read};
use crate::settings::scope;
use crate::terminal;
use crate::view::issues::{Columns, table};
use crate::view::json;

/// Prints the ready issues in the tracker's order.
pub(super) async fn ready(args: &ReadyArgs) -> Result<ExitCode, CommandError> {
    let columns = [Columns::Ready, Columns::ReadyWide];
    let places = |board: &Board<'_>| board.readiness.ready.clone();
    listing(&args.listing, columns, places, "no issue is ready").await
}

/// Prints issues in the order of the file.
pub(super) async fn list(args: &ListArgs) -> Result<ExitCode, CommandError> {
    let columns = [Columns::Any, Columns::AnyWide];
    let places = |board: &Board<'_>| (0..board.reading.issues.len()).collect();
    listing(&args.listing, columns, places, "no issue found").await
}

/// Prints those of `places` that the arguments select, as a table in the first or, if asked for, the second form.
async fn listing(
    args: &ListingArgs,
    [narrow, wide]: [Columns; 2],
    places: impl FnOnce(&Board<'_>) -> Vec<usize>,
    none: &str,
) -> Result<ExitCode, CommandError> {
    let ListingArgs {
        target,
        select,
        limit,
        output,
    } = args;
    let input = load(target).await?;
    let reading = read(&input, &target.reading)?;
    let board = Board::new(&reading, target.reading.profile, target.reading.instant());
    let places = selected(&board, &input, select, places(&board).into_iter(), *limit);
    let columns = if output.output == OutputForm::Wide {
        wide
    } else {
        narrow
    };
    print(&board, &places, columns, output, none)
}

/// The places that the arguments select, in the order in which they come.
fn selected(
    board: &Board<'_>,
    input: &Input,
    select: &SelectArgs,
    places: impl Iterator<Item = usize>,
    limit: Option<usize>,
) -> Vec<usize> {
    let scope = scope(board.profile, &MirrorArgs::default(), "");
    let renderer = Renderer::new(
        board.reading,
        &board.readiness,
        &input.tracker.config,
        &scope,
    );
    let has_labels = |at: usize| {
        let selector = select.selector.as_ref();
        selector.is_none_or(|selector| selector.matches(&renderer.desired(at).labels))
    };
    let is_selected = |at: &usize| {
        let issue = board.reading.issues.get(*at);
        issue.is_some_and(|issue| is_match(select, issue)) && has_labels(*at)
    };
    places
        .filter(is_selected)
        .take(limit.unwrap_or(usize::MAX))
        .collect()
}

fn is_match(select: &SelectArgs, issue: &Issue<'_>) -> bool {
    let SelectArgs {
        status,
        issue_type,
        label,
        assignee,
        selector: _,
    } = select;
    let any = |wanted: &[String], value: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| wanted == value)
    };
    any(status, &issue.status)
        && any(issue_type, &issue.issue_type)
        && any(assignee, issue.assignee.as_deref().unwrap_or_default())
        && label
            .iter()
            .all(|wanted| issue.labels.iter().any(|label| label == wanted))
}

fn print(
    board: &Board<'_>,
    places: &[usize],
    columns: Columns,
    output: &OutputArgs,
    nothing: &str,
) -> Result<ExitCode, CommandError> {
    let issues = || places.iter().filter_map(|at| board.reading.issues.get(*at));
    let text = match output.output {
        OutputForm::Name => issues().map(|issue| format!("{}\n", issue.id)).collect(),
        OutputForm::Json => json::list(issues().map(|issue| issue.raw)),
        OutputForm::Yaml => json::yaml_list(issues().map(|issue| issue.raw))?,
        OutputForm::Table | OutputForm::Wide if places.is_empty() => {
            terminal::note(nothing);
            String::new()
        }
        OutputForm::Table | OutputForm::Wide => table(board, places, columns)
            .render(terminal::header(output), terminal::paint(output.color)),
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
