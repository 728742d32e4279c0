//! `beadlet show` and `beadlet why`.

use std::process::ExitCode;

use beadlet_store::issue::Issue;

use super::CommandError;
use crate::board::Board;
use crate::cli::{OutputForm, ShowArgs, WhyArgs};
use crate::input::{Input, load, read};
use crate::terminal;
use crate::view::describe::describe;
use crate::view::json::{self, pretty, yaml};
use crate::view::node::Node;
use crate::view::why;

/// How many of the nearest ids a message names.
const NEAREST: usize = 3;

/// Prints everything about one issue.
pub(super) async fn show(args: &ShowArgs) -> Result<ExitCode, CommandError> {
    let input = load(&args.target).await?;
    let reading = read(&input, &args.target.reading)?;
    let board = Board::new(
        &reading,
        args.target.reading.profile,
        args.target.reading.instant(),
    );
    let (index, issue) = find(&board, &input, &args.id)?;
    let node = Node::parse(issue.raw).map_err(json::FormError::from)?;
    let text = match args.output.output {
        OutputForm::Table | OutputForm::Wide => describe(
            &board,
            index,
            issue,
            &node,
            terminal::paint(args.output.color),
        ),
        OutputForm::Name => format!("{}\n", issue.id),
        OutputForm::Json => json::indented(issue.raw, 0) + "\n",
        OutputForm::Yaml => yaml(&node)?,
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Says why one issue is not ready.
pub(super) async fn why(args: &WhyArgs) -> Result<ExitCode, CommandError> {
    let input = load(&args.target).await?;
    let reading = read(&input, &args.target.reading)?;
    let board = Board::new(
        &reading,
        args.target.reading.profile,
        args.target.reading.instant(),
    );
    let (index, issue) = find(&board, &input, &args.id)?;
    let answer = why::answer(&board, index, issue);
    let text = match args.output.output {
        OutputForm::Table | OutputForm::Wide => {
            why::text(&answer, terminal::paint(args.output.color))
        }
        OutputForm::Name => why::names(&answer),
        OutputForm::Json => pretty(&answer)?,
        OutputForm::Yaml => yaml(&answer)?,
    };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn find<'b>(
    board: &'b Board<'_>,
    input: &Input,
    id: &str,
) -> Result<(usize, &'b Issue<'b>), CommandError> {
    if let Some(found) = board
        .find(id)
        .and_then(|at| Some((at, board.reading.issues.get(at)?)))
    {
        return Ok(found);
    }
    let (id, origin) = (id.to_owned(), input.origin.clone());
    if board.is_deleted(&id) {
        return Err(CommandError::DeletedIssue { id, origin });
    }
    let near = board
        .near(&id, NEAREST)
        .into_iter()
        .map(ToString::to_string)
        .collect();
    Err(CommandError::UnknownIssue { id, origin, near })
}
