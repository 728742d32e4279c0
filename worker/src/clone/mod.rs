//! `git-init`: the repository is brought into the workspace, with the work branch checked out.

mod checkout;
mod lfs;
mod plan;
mod submodule;

use std::io;
use std::path::{Path, PathBuf};

use beadlet_supervise::contract::{Earlier, ExitCode, Outcome, Report, Workspace};
use git2::{Repository, RepositoryInitOptions};
use tokio_util::sync::CancellationToken;

use crate::args::{CloneArgs, Submodules};
use crate::elf::{NotStatic, check_static};
use crate::place::{Place, PlaceError, place};
use crate::server::{ServerError, Trouble};
use crate::sparse::{Sparse, SparseError};
use crate::state::{Cloned, State, StateError, remove};
use crate::stop;
use plan::{Plan, PlanError, plan};

/// The supervisor's program headers stand within this.
const ELF_HEAD: u64 = 64 << 10;

/// Why the repository could not be brought.
#[derive(Debug, thiserror::Error)]
enum CloneError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Sparse(#[from] SparseError),
    #[error("cannot use the supervisor {}", .path.display())]
    Supervisor {
        path: PathBuf,
        source: SupervisorError,
    },
    #[error("cannot prepare {}", .path.display())]
    Workspace { path: PathBuf, source: io::Error },
    #[error("cannot clone {place}")]
    Server { place: String, source: ServerError },
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("cannot {step}")]
    Git {
        step: &'static str,
        source: git2::Error,
    },
    #[error(transparent)]
    Lfs(#[from] lfs::LfsError),
    #[error(transparent)]
    Submodule(#[from] submodule::SubmoduleError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error("told to stop before the repository was there")]
    Stopped,
    #[error("the work ended without an answer")]
    Lost,
}

/// Why a file cannot be the supervisor.
#[derive(Debug, thiserror::Error)]
enum SupervisorError {
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    #[error(transparent)]
    NotStatic(#[from] NotStatic),
}

impl CloneError {
    fn reason(&self) -> ExitCode {
        match self {
            Self::Place(_)
            | Self::Sparse(_)
            | Self::Supervisor { .. }
            | Self::Plan(PlanError::Branch(_) | PlanError::NoDefault) => ExitCode::CloneSettings,
            Self::Plan(PlanError::Empty | PlanError::NoBranch { .. }) => ExitCode::CloneNotFound,
            Self::Server { source, .. }
            | Self::Submodule(submodule::SubmoduleError::Server { source, .. }) => {
                by_trouble(source.trouble)
            }
            Self::Lfs(error) if error.is_permanent() => ExitCode::CloneUnsupported,
            Self::Stopped => ExitCode::CloneStopped,
            Self::Workspace { .. }
            | Self::Git { .. }
            | Self::Lfs(_)
            | Self::Submodule(_)
            | Self::State(_)
            | Self::Signals(_)
            | Self::Lost => ExitCode::CloneFailed,
        }
    }
}

fn by_trouble(trouble: Trouble) -> ExitCode {
    match trouble {
        Trouble::Refused => ExitCode::CloneRefused,
        Trouble::NotFound => ExitCode::CloneNotFound,
        Trouble::Passing | Trouble::Local | Trouble::Other => ExitCode::CloneFailed,
    }
}

/// Brings the repository and says how that went. A repeat starts anew.
#[must_use]
pub fn clone(args: &CloneArgs) -> ExitCode {
    let result = stop::listen().map_err(CloneError::Signals).and_then(|listening| {
        let args = args.clone();
        listening.run(|stop| async move {
            let unwanted = stop.clone();
            tokio::select! {
                biased;
                () = stop.cancelled() => Err(CloneError::Stopped),
                done = tokio::task::spawn_blocking(move || cloned(&args, &unwanted)) => done.unwrap_or(Err(CloneError::Lost)),
            }
        })
    });
    let (report, code) = match result {
        Ok(message) => (Report::new(Outcome::Done, message), ExitCode::Success),
        Err(error) => failure(&error),
    };
    // Kubernetes shows it; there is nobody to tell when it cannot be written.
    let _ = std::fs::write(&args.project.termination_log, report.termination_message());
    code
}

fn failure(error: &CloneError) -> (Report, ExitCode) {
    let message = beadlet_supervise::with_sources(error);
    let code = error.reason();
    tracing::error!(error = message, "clone failed");
    let outcome = if code == ExitCode::CloneStopped {
        Outcome::Stopped
    } else {
        Outcome::CloneFailed
    };
    (Report::new(outcome, message), code)
}

fn cloned(args: &CloneArgs, unwanted: &CancellationToken) -> Result<String, CloneError> {
    let sparse = Sparse::new(args.sparse.iter().map(String::as_str))?;
    let supervisor = supervisor(args)?;
    let place = place(&args.project, unwanted)?;
    let workspace = Workspace::new(&args.project.workspace);
    prepare(&workspace).map_err(|source| CloneError::Workspace {
        path: workspace.root().to_owned(),
        source,
    })?;
    let at_server = |source| CloneError::Server {
        place: place.url.to_string(),
        source,
    };
    let plan = plan(&place.server.refs().map_err(at_server)?, &place.branches)?;
    let repository = init(&workspace, &place, args)?;
    place
        .server
        .fetch(&repository, &plan.refspecs(), args.depth)
        .map_err(at_server)?;
    let plan = plan
        .when_fetched(&repository)
        .map_err(|source| CloneError::Git {
            step: "find the branches that were fetched",
            source,
        })?;
    checkout::check_out(&repository, &plan, &sparse).map_err(|source| CloneError::Git {
        step: "check out the work branch",
        source,
    })?;
    lfs::bring(&repository, &place, args, &sparse)?;
    if args.submodules == Submodules::Recursive {
        submodule::bring(&repository, &place.server, &sparse, args.depth)?;
    }
    hand_over(
        &workspace,
        &State::new(&args.project.state),
        &plan,
        args,
        &supervisor,
    )?;
    Ok(told(&plan))
}

fn told(plan: &Plan) -> String {
    let Plan {
        base_branch,
        base,
        work_branch,
        earlier,
    } = plan;
    match earlier {
        None => format!("{work_branch} starts from {base_branch} at {base}"),
        Some(earlier) => {
            format!("{work_branch} goes on from {earlier}, which an earlier attempt pushed")
        }
    }
}

/// The program for the agent's container, checked before anything else: it must run in any image.
fn supervisor(args: &CloneArgs) -> Result<PathBuf, CloneError> {
    let beside = || std::env::current_exe().map(|own| own.with_file_name("beadlet-supervise"));
    let path = args.supervisor.clone().map_or_else(beside, Ok);
    let path = path.map_err(|source| CloneError::Supervisor {
        path: PathBuf::new(),
        source: SupervisorError::Io(source),
    })?;
    let failed = |source| CloneError::Supervisor {
        path: path.clone(),
        source,
    };
    let head = head(&path).map_err(|error| failed(SupervisorError::Io(error)))?;
    check_static(&head).map_err(|error| failed(error.into()))?;
    Ok(path)
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    io::Read::read_to_end(
        &mut io::Read::take(std::fs::File::open(path)?, ELF_HEAD),
        &mut head,
    )?;
    Ok(head)
}

/// Makes room. A volume that outlives the pod may hold the work tree of an earlier attempt, perhaps with work that was not pushed: it is
/// put aside, in the place of the one before it.
fn prepare(workspace: &Workspace) -> io::Result<()> {
    let (repository, previous) = (workspace.repository(), workspace.root().join("previous"));
    if repository.symlink_metadata().is_ok() {
        remove(&previous)?;
        std::fs::rename(&repository, &previous)?;
    }
    remove(&workspace.own())?;
    std::fs::create_dir_all(workspace.own().join("bin"))?;
    std::fs::create_dir_all(&repository)
}

/// An empty repository with what a person's git finds in a clone: a remote, and who commits.
fn init(workspace: &Workspace, place: &Place, args: &CloneArgs) -> Result<Repository, CloneError> {
    let made = || {
        let mut options = RepositoryInitOptions::new();
        options
            .external_template(false)
            .no_reinit(true)
            .initial_head(&place.branches.work);
        let repository = Repository::init_opts(workspace.repository(), &options)?;
        repository.remote("origin", &place.url.to_string())?;
        let mut config = repository.config()?;
        config.set_str("user.name", &args.project.author_name)?;
        config.set_str("user.email", &args.project.author_email)?;
        drop(config);
        Ok(repository)
    };
    made().map_err(|source| CloneError::Git {
        step: "make the repository",
        source,
    })
}

/// Puts the supervisor into the workspace and what `git-push` needs out of the agent's reach.
fn hand_over(
    workspace: &Workspace,
    state: &State,
    plan: &Plan,
    args: &CloneArgs,
    supervisor: &Path,
) -> Result<(), CloneError> {
    let target = workspace.supervisor();
    std::fs::copy(supervisor, &target)
        .and_then(|_| {
            std::fs::set_permissions(&target, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        })
        .map_err(|source| CloneError::Workspace {
            path: target,
            source,
        })?;
    if let Some(earlier) = plan.earlier.filter(|earlier| *earlier != plan.base) {
        let earlier = Earlier {
            commit: earlier.to_string(),
            base_branch: plan.base_branch.clone(),
        };
        tell(&workspace.earlier(), &earlier)?;
    }
    let cloned = Cloned {
        base_branch: plan.base_branch.clone(),
        base: plan.base.to_string(),
        work_branch: plan.work_branch.clone(),
        earlier: plan.earlier.map(|commit| commit.to_string()),
        sparse: args.sparse.clone(),
    };
    Ok(state.write(&cloned, &workspace.repository())?)
}

/// Leaves it for the supervisor.
fn tell(path: &Path, earlier: &Earlier) -> Result<(), CloneError> {
    let failed = |source| CloneError::Workspace {
        path: path.to_owned(),
        source,
    };
    let text = serde_json::to_vec(earlier).map_err(|error| failed(error.into()))?;
    std::fs::write(path, text).map_err(failed)
}
