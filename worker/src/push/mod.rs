//! `git-push`: waits for the agent to end, takes what it left, and pushes the work branch.
//!
//! The agent could write to everything in the workspace, and what runs in here has the credential. So nothing of the agent's repository
//! is believed but its objects, which are named by their content: no configuration, no hook, no remote, no ref, no filter of it has an
//! effect. The branch and the server come from the settings alone.

mod head;
mod leftover;
mod lfs;
mod message;
mod publish;
mod save;
mod verdict;

use std::io;
use std::sync::Arc;

use beadlet_supervise::bead::Bead;
use beadlet_supervise::contract::{ExitCode, Outcome, Report, Workspace};
use beadlet_supervise::files;
use git2::{Oid, Repository};
use tokio_util::sync::CancellationToken;

use crate::args::PushArgs;
use crate::ended::{End, Patience, ended};
use crate::place::{Place, PlaceError, place};
use crate::server::{Delivery, ServerError};
use crate::sparse::Sparse;
use crate::state::{Cloned, State, StateError};
use crate::stop::{self, Listening};
use leftover::{Filter, remarks};
use message::{Subject, message};
use publish::{Attempt, publish};
use save::{Saved, Signed, save};
use verdict::{Fate, verdict};

const ISSUE_LIMIT: usize = 2 << 20;

/// Why there is nothing that could be pushed.
#[derive(Debug, thiserror::Error)]
enum PushError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot look after the agent")]
    Watch(#[source] io::Error),
    #[error("the work tree is gone: the agent removed or replaced it")]
    NoWorkTree,
    #[error("cannot take the agent's work from {step}")]
    Git {
        step: &'static str,
        source: git2::Error,
    },
    #[error("the commit that the agent started from is lost, and cannot be fetched again")]
    Refetch(#[source] ServerError),
    #[error("the work ended without an answer")]
    Lost,
}

impl PushError {
    fn reason(&self) -> ExitCode {
        match self {
            Self::Place(_) => ExitCode::PushSettings,
            Self::State(_) | Self::NoWorkTree | Self::Git { .. } => ExitCode::WorkspaceDamaged,
            Self::Watch(_) | Self::Refetch(_) | Self::Lost => ExitCode::PushFailed,
        }
    }
}

/// Pushes what the agent left once it has ended, and says how the attempt went.
#[must_use]
pub fn push(args: &PushArgs) -> ExitCode {
    let (report, code) = match stop::listen() {
        Ok(listening) => attempt(args, listening),
        Err(error) => lost(
            &Report::new(Outcome::AgentFailed, ""),
            &PushError::Watch(error),
        ),
    };
    tracing::info!(outcome = ?report.outcome, message = report.message, "push ended");
    // Kubernetes shows it; there is nobody to tell when it cannot be written.
    let _ = std::fs::write(&args.project.termination_log, report.termination_message());
    code
}

fn lost(agent: &Report, error: &PushError) -> (Report, ExitCode) {
    verdict(
        agent.clone(),
        Fate::Lost {
            why: beadlet_supervise::with_sources(error),
            code: error.reason(),
        },
        "",
    )
}

fn attempt(args: &PushArgs, listening: Listening) -> (Report, ExitCode) {
    let args = args.clone();
    // The settings are looked at first: what is wrong with them is said while somebody may still be watching.
    let place = match place(&args.project, &CancellationToken::new()) {
        Ok(place) => Arc::new(place),
        Err(error) => return lost(&Report::new(Outcome::AgentFailed, ""), &error.into()),
    };
    // It has a runtime of its own, which must not end inside of another one.
    let _kept = Arc::clone(&place);
    listening.run(|stop| async move {
        let workspace = Workspace::new(&args.project.workspace);
        let patience = Patience {
            start: args.start_timeout,
            stop: args.stop_patience,
        };
        let end = match ended(&workspace, patience, &stop).await {
            Ok(end) => end,
            Err(error) => {
                return lost(
                    &Report::new(Outcome::AgentFailed, ""),
                    &PushError::Watch(error),
                );
            }
        };
        let agent = end.clone().report(stop.is_cancelled());
        tracing::info!(outcome = ?agent.outcome, "agent ended");
        match end {
            End::NotStarted => (agent, ExitCode::PushStopped),
            End::NeverStarted => (agent, ExitCode::AgentNeverStarted),
            End::Recorded(_) | End::Killed | End::StillRunning => {
                let report = agent.clone();
                let taken = tokio::task::spawn_blocking(move || {
                    taken(&args, &place, &workspace, &report, &stop)
                });
                taken
                    .await
                    .unwrap_or(Err(PushError::Lost))
                    .unwrap_or_else(|error| lost(&agent, &error))
            }
        }
    })
}

/// Takes the work, pushes it, and says how the attempt went.
fn taken(
    args: &PushArgs,
    place: &Place,
    workspace: &Workspace,
    agent: &Report,
    stop: &CancellationToken,
) -> Result<(Report, ExitCode), PushError> {
    let work_tree = workspace.repository();
    if !save::is_work_tree(&work_tree) {
        return Err(PushError::NoWorkTree);
    }
    let (cloned, repository) = State::new(&args.project.state).read(&work_tree)?;
    let (start, base) = (oid(cloned.start())?, oid(&cloned.base)?);
    if repository
        .find_commit(start)
        .and_then(|commit| commit.tree())
        .is_err()
    {
        refetch(&repository, place, &cloned)?;
    }
    let saved = saved(args, place, workspace, agent, (&cloned, &repository, start))?;
    let git = |step| move |source| PushError::Git { step, source };
    let fate = if saved.commit == start {
        match &cloned.earlier {
            Some(_) if start != base => Fate::Pushed(
                save::work(&repository, &cloned.work_branch, start, base)
                    .map_err(git("the earlier attempt"))?,
            ),
            _ => Fate::Nothing,
        }
    } else {
        let work = save::work(&repository, &cloned.work_branch, saved.commit, base)
            .map_err(git("the commit"))?;
        publish(&Attempt {
            delivery: Delivery {
                repository: &repository,
                reference: save::RESULT,
                commit: saved.commit,
                known: start,
            },
            place,
            work,
            retry: args.push_retry,
            stop,
        })
    };
    Ok(verdict(agent.clone(), fate, &remarks(&saved.left_out)))
}

fn saved(
    args: &PushArgs,
    place: &Place,
    workspace: &Workspace,
    agent: &Report,
    (cloned, repository, start): (&Cloned, &Repository, Oid),
) -> Result<Saved, PushError> {
    // It was checked when it was cloned.
    let sparse = Sparse::new(cloned.sparse.iter().map(String::as_str)).unwrap_or_default();
    let filter = Filter {
        sparse: &sparse,
        max_file: args.max_file_mib << 20,
        telltales: &place.telltales,
    };
    let unfinished = if agent.outcome == Outcome::Done {
        String::new()
    } else {
        agent.message.clone()
    };
    let subject = Subject {
        title: title(workspace),
        bead: args.bead.clone(),
        polecat: args.project.polecat.clone(),
        convoy: args.convoy.clone(),
        unfinished,
    };
    let text = message(&subject);
    let signed = Signed {
        name: &args.project.author_name,
        email: &args.project.author_email,
        message: &text,
    };
    let tip = head::head(&workspace.repository().join(".git"));
    save(repository, start, tip, &filter, &signed).map_err(|source| PushError::Git {
        step: "its work tree",
        source,
    })
}

/// The title of the issue that the agent was given; the agent could as well have written the message itself.
fn title(workspace: &Workspace) -> String {
    let issue = files::read(&workspace.issue(), ISSUE_LIMIT).ok().flatten();
    issue
        .and_then(|issue| Bead::parse(&issue).ok())
        .map(|bead| bead.title)
        .unwrap_or_default()
}

/// Brings what the agent started from into our own repository, after the agent destroyed its own.
fn refetch(repository: &Repository, place: &Place, cloned: &Cloned) -> Result<(), PushError> {
    tracing::warn!("commit that the agent started from is lost, fetched again");
    let spec = |branch: &str| format!("+refs/heads/{branch}:refs/beadlet/again/{branch}");
    let mut refspecs = vec![spec(&cloned.base_branch)];
    if cloned.earlier.is_some() {
        refspecs.push(spec(&cloned.work_branch));
    }
    place
        .server
        .fetch(repository, &refspecs, 1)
        .map_err(PushError::Refetch)
}

fn oid(text: &str) -> Result<Oid, PushError> {
    Oid::from_str(text).map_err(|source| PushError::Git {
        step: "the record of git-init",
        source,
    })
}
