//! `beadlet diff`.

use std::process::ExitCode;

use beadlet_store::configmap::{Renderer, Scope, mirrored};
use beadlet_sync::decide::guard::{Rules, Verdict};
use beadlet_sync::decide::observed::Observed;
use beadlet_sync::decide::revision::{Decision, Revision};
use beadlet_sync::settings::{Prune, RejectedLines};

use super::CommandError;
use crate::board::Board;
use crate::changes::{Change, changes};
use crate::cli::{DiffArgs, OutputForm};
use crate::cluster::{Connection, connect};
use crate::input::{Input, load, read};
use crate::settings::scope;
use crate::terminal;
use crate::there::There;
use crate::view;
use crate::view::json::{pretty, yaml};

/// Stands for the commit of a file that is none of a repository.
const NO_COMMIT: &str = "0000000";

/// Prints what a pass would do. The exit code is 1 when it would write anything.
pub(super) async fn diff(args: &DiffArgs) -> Result<ExitCode, CommandError> {
    let input = load(&args.target).await?;
    let connection = connect(&args.cluster).await?;
    let found = find(args, &input, &connection).await?;
    print(args, &found)?;
    let writes = found.iter().any(|change| change.action.is_write());
    Ok(if writes {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn find(
    args: &DiffArgs,
    input: &Input,
    connection: &Connection,
) -> Result<Vec<Change>, CommandError> {
    let scope = scope(
        args.target.reading.profile,
        &args.mirror,
        &connection.namespace,
    );
    let revision = revision(args, input, &scope)?;
    let pass = Pass {
        args,
        revision: &revision,
        renderer: revision.renderer(&scope),
        commit: &input.commit,
    };
    let there = There::new(connection, &scope);
    let mut observed = there.ours().await?;
    let first = pass.let_through(&observed);
    let missing = first
        .plan
        .create
        .iter()
        .map(|at| &*first.wanted[*at].name)
        .collect();
    there.look_at(&missing, &mut observed).await?;
    pass.say_if_held(&observed);
    let decision = pass.let_through(&observed);
    let names = decision
        .plan
        .update
        .iter()
        .map(|at| decision.wanted[*at].name.to_string());
    let contents = there.contents(names.collect()).await?;
    Ok(changes(&revision, &pass.renderer, &decision, &contents))
}

fn revision<'a>(
    args: &DiffArgs,
    input: &'a Input,
    scope: &Scope,
) -> Result<Revision<'a>, CommandError> {
    let reading = read(input, &args.target.reading)?;
    let Board { readiness, now, .. } =
        Board::new(&reading, scope.profile, args.target.reading.instant());
    let mirrored = mirrored(&reading, scope, now);
    Ok(Revision {
        mirrored,
        readiness,
        config: input.tracker.config.clone(),
        reading,
    })
}

/// A pass as far as it decides.
struct Pass<'a> {
    args: &'a DiffArgs,
    revision: &'a Revision<'a>,
    renderer: Renderer<'a>,
    commit: &'a str,
}

impl Pass<'_> {
    /// What it would do, once a person lets the revision through.
    fn let_through(&self, observed: &Observed) -> Decision {
        let commit = if self.commit.is_empty() {
            NO_COMMIT
        } else {
            self.commit
        };
        let rules = Rules {
            allow_delete: Some(commit),
            ..self.rules()
        };
        self.revision
            .decide(&self.renderer, observed, commit, &rules)
    }

    /// Says so where it would hold the revision for a person instead.
    fn say_if_held(&self, observed: &Observed) {
        let decision = self
            .revision
            .decide(&self.renderer, observed, self.commit, &self.rules());
        if let Verdict::Held { message, .. } = decision.verdict {
            terminal::note(&format!(
                "a pass would hold this revision and change nothing: {message}"
            ));
        }
    }

    fn rules(&self) -> Rules<'_> {
        let skips = self.args.target.reading.skip_rejected_lines;
        Rules {
            prune: Prune {
                max_delete_percent: self.args.max_delete_percent,
                ..Prune::default()
            },
            rejected_lines: if skips {
                RejectedLines::Skip
            } else {
                RejectedLines::KeepLastGood
            },
            allow_delete: None,
        }
    }
}

fn print(args: &DiffArgs, changes: &[Change]) -> Result<(), CommandError> {
    let text = match args.output.output {
        OutputForm::Name => changes
            .iter()
            .map(|change| format!("{}\n", change.name))
            .collect(),
        OutputForm::Json => pretty(&changes)?,
        OutputForm::Yaml => yaml(&changes)?,
        OutputForm::Table | OutputForm::Wide if changes.is_empty() => String::new(),
        OutputForm::Table | OutputForm::Wide => view::changes::table(changes).render(
            terminal::header(&args.output),
            terminal::paint(args.output.color),
        ),
    };
    Ok(terminal::print(&text)?)
}
