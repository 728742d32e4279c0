//! One attempt from start to record.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use crate::agent::{Launch, LaunchError};
use crate::args::RunArgs;
use crate::conclusion::{Evidence, Exit, conclusion};
use crate::contract::{ExitCode, Outcome, Report, Usage, Workspace};
use crate::files::{self, Lock, Reserved};
use crate::memory;
use crate::output::{Output, Said};
use crate::prepare::{api_key, prepared};
use crate::process::{self, Agent};
use crate::report::usage_file;
use crate::signals::{Listening, Signals, listen};
use crate::vigil::Vigil;
use crate::watch::{Limits, Watch};

const USAGE_LIMIT: usize = 64 << 10;
/// How long what the agent left behind has to end once it is ended by force, and its output to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the agent could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("another supervisor is at work in {}", .0.display())]
    Occupied(PathBuf),
    #[error("cannot write to {}: git-init did not prepare the workspace, or the disk is full", .path.display())]
    Workspace {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot read {}", .path.display())]
    Bead {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot copy the login of Claude Code to {}", .path.display())]
    Credentials {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("cannot start {program:?}: is it in the image, and may it be executed?")]
    Start {
        program: String,
        source: std::io::Error,
    },
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
}

impl RunError {
    /// What the container ends with.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Launch(_) => ExitCode::AgentSettings,
            Self::Start { .. } => ExitCode::AgentNotStarted,
            Self::Occupied(_)
            | Self::Workspace { .. }
            | Self::Bead { .. }
            | Self::Credentials { .. }
            | Self::Signals(_) => ExitCode::AgentFailed,
        }
    }
}

/// Runs the agent to its end and records it. Starts and ends everything by itself; a second call in the same process is not foreseen.
#[must_use]
pub fn run(args: &RunArgs) -> ExitCode {
    let (report, code) = match listen()
        .map_err(RunError::Signals)
        .and_then(|listening| attempt(args, listening))
    {
        Ok(report) => (report.clone(), report.outcome.agent_exit_code()),
        Err(error) => {
            let message = with_sources(&error);
            tracing::error!(error = message, "agent not run");
            (
                Report::new(Outcome::AgentFailed, message),
                error.exit_code(),
            )
        }
    };
    // Kubernetes shows it; there is nobody to tell when it cannot be written.
    let _ = std::fs::write(&args.termination_log, report.termination_message());
    code
}

/// The lock is held, and the record has its place, for all of the attempt: whoever finds the lock open and no record knows that the
/// supervisor was killed.
fn attempt(args: &RunArgs, listening: Listening) -> Result<Report, RunError> {
    let workspace = Workspace::new(&args.workspace);
    let failed = |path: PathBuf| move |source| RunError::Workspace { path, source };
    let _lock = Lock::take(&workspace.lock()).map_err(|source| match source.kind() {
        std::io::ErrorKind::WouldBlock => RunError::Occupied(workspace.root().to_owned()),
        _ => RunError::Workspace {
            path: workspace.lock(),
            source,
        },
    })?;
    let record = Reserved::new(&workspace.ended()).map_err(failed(workspace.ended()))?;
    files::write(&workspace.started(), b"{}").map_err(failed(workspace.started()))?;
    let result = supervised(args, &workspace, listening);
    let report = match &result {
        Ok(report) => report.clone(),
        Err(error) => Report::new(Outcome::AgentFailed, with_sources(error)),
    };
    record
        .write(report.termination_message().as_bytes())
        .map_err(failed(workspace.ended()))?;
    result
}

fn supervised(
    args: &RunArgs,
    workspace: &Workspace,
    listening: Listening,
) -> Result<Report, RunError> {
    let launch = prepared(args, workspace)?;
    let Listening {
        runtime,
        mut signals,
    } = listening;
    let report = runtime.block_on(watched(args, workspace, &launch, &mut signals));
    runtime.shutdown_background();
    report
}

/// Starts the agent and stays with it until it and all it left behind have ended.
async fn watched(
    args: &RunArgs,
    workspace: &Workspace,
    launch: &Launch,
    signals: &mut Signals,
) -> Result<Report, RunError> {
    // Orphans of the agent come to us also where we are not the first process of the container.
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(%error, "orphans stay with the first process");
    }
    let kills_before = memory::kills();
    let started = Instant::now();
    let program = launch.command.first().cloned().unwrap_or_default();
    let (agent, stdout, stderr) = Agent::start(launch, &workspace.repository())
        .map_err(|source| RunError::Start { program, source })?;
    tracing::info!(agent = ?args.agent, bead = args.bead, polecat = args.polecat, "agent started");
    let output = Output::follow(stdout, stderr, launch.format, api_key().as_ref(), started);
    let limits = Limits {
        deadline: args.deadline,
        max_idle: args.max_idle,
        grace: args.grace,
    };
    let mut vigil = Vigil {
        agent,
        output,
        watch: Watch::new(limits),
        started,
        began: SystemTime::now(),
        repository: workspace.repository(),
    };
    let exit = vigil.keep(signals).await;
    let ran_for = started.elapsed();
    process::clear(PATIENCE);
    let report = conclusion(&evidence(
        &vigil,
        exit,
        memory::kills() > kills_before,
        ran_for,
        workspace,
    ));
    tracing::info!(outcome = ?report.outcome, "agent ended");
    Ok(report)
}

fn evidence(
    vigil: &Vigil,
    exit: Exit,
    out_of_memory: bool,
    ran_for: Duration,
    workspace: &Workspace,
) -> Evidence {
    let Said {
        usage,
        error,
        last_words,
    } = vigil.output.said(PATIENCE);
    let usage = if usage == Usage::default() {
        files::read(&workspace.usage(), USAGE_LIMIT)
            .ok()
            .flatten()
            .map(|bytes| usage_file(&bytes))
            .unwrap_or_default()
    } else {
        usage
    };
    Evidence {
        exit,
        ending: vigil.watch.ending(),
        out_of_memory,
        ran_for,
        usage,
        error,
        last_words,
    }
}

/// An error with its causes, for people.
#[must_use]
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
