//! How the agent ended, as far as it can be told from the shared volume.

use std::io;
use std::time::Duration;

use beadlet_supervise::contract::{Outcome, Report, Workspace, places};
use beadlet_supervise::files::{self, Lock};
use tokio_util::sync::CancellationToken;

/// How often the lock is tried. A lock that is waited for cannot be given up, and the kernel gives no notice of one that opens.
const LOOK: Duration = Duration::from_millis(100);
/// The record is a little longer than a termination message, for the space that is set aside.
const RECORD_LIMIT: usize = 16 * places::TERMINATION_LOG_LIMIT;
/// When a container is killed, its first process loses its locks a little before the others end.
const SETTLE: Duration = Duration::from_secs(1);

/// What became of the agent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// The supervisor left a record.
    Recorded(Report),
    /// The supervisor is gone and left none: it was killed, and with it the container.
    Killed,
    /// The pod was told to stop, and the agent did not end in time: it may still be at work.
    StillRunning,
    /// The pod was told to stop before the agent started.
    NotStarted,
    /// The agent's container did not start in time.
    NeverStarted,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) start: Duration,
    /// After the pod was told to stop.
    pub(crate) stop: Duration,
}

/// Waits for the agent to end.
pub(crate) async fn ended(
    workspace: &Workspace,
    patience: Patience,
    stop: &CancellationToken,
) -> io::Result<End> {
    let started = async {
        while !workspace
            .started()
            .symlink_metadata()
            .is_ok_and(|file| file.is_file())
        {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        biased;
        () = started => {}
        () = stop.cancelled() => return Ok(End::NotStarted),
        () = tokio::time::sleep(patience.start) => return Ok(End::NeverStarted),
    }
    let in_time = async {
        stop.cancelled().await;
        tokio::time::sleep(patience.stop).await;
    };
    tokio::select! {
        biased;
        gone = gone(workspace) => gone?,
        () = in_time => return Ok(End::StillRunning),
    }
    if let Some(report) = record(workspace) {
        return Ok(End::Recorded(report));
    }
    tokio::time::sleep(SETTLE).await;
    Ok(End::Killed)
}

async fn gone(workspace: &Workspace) -> io::Result<()> {
    while Lock::is_held(&workspace.lock())? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The supervisor's record. The agent could have written it too, so nothing of what is wrong with it is repeated anywhere.
fn record(workspace: &Workspace) -> Option<Report> {
    let bytes = files::read(&workspace.ended(), RECORD_LIMIT)
        .inspect_err(|error| tracing::warn!(%error, "record unreadable"))
        .ok()??;
    let report: Report = serde_json::from_slice(&bytes)
        .inspect_err(|_| tracing::warn!("record is not one"))
        .ok()?;
    Some(Report {
        work: None,
        ..report
    })
}

impl End {
    /// How the attempt went, but for what becomes of the work. `stopped`: the pod was told to stop.
    pub(crate) fn report(self, stopped: bool) -> Report {
        match self {
            Self::Recorded(report) => report,
            Self::Killed if stopped => Report::new(
                Outcome::Stopped,
                "the agent's container was killed while the pod was stopped",
            ),
            Self::Killed => Report::new(
                Outcome::OutOfMemory,
                "the agent's container was killed before it could say why, most likely for want of memory: give the agent more, or less to do",
            ),
            Self::StillRunning => Report::new(
                Outcome::Stopped,
                "the pod was stopped, and the agent did not end in time",
            ),
            Self::NotStarted => Report::new(
                Outcome::Stopped,
                "the pod was stopped before the agent started",
            ),
            Self::NeverStarted => Report::new(
                Outcome::AgentFailed,
                "the agent's container did not start in time: can its image be pulled, and does it run the supervisor?",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path());
        std::fs::create_dir_all(workspace.own()).unwrap();
        (folder, workspace)
    }

    fn look(workspace: &Workspace, stop: &CancellationToken) -> End {
        let patience = Patience {
            start: Duration::from_millis(300),
            stop: Duration::from_millis(300),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(ended(workspace, patience, stop)).unwrap()
    }

    #[test]
    fn record_beside_an_open_lock_is_the_answer() {
        let (_folder, workspace) = workspace();
        let report = Report::new(Outcome::Idle, "m");
        files::write(&workspace.started(), b"{}").unwrap();
        files::write(&workspace.ended(), report.termination_message().as_bytes()).unwrap();
        assert_eq!(
            look(&workspace, &CancellationToken::new()),
            End::Recorded(report)
        );
    }

    #[test]
    fn open_lock_without_a_record_is_a_killed_supervisor() {
        let (_folder, workspace) = workspace();
        files::write(&workspace.started(), b"{}").unwrap();
        assert_eq!(look(&workspace, &CancellationToken::new()), End::Killed);
    }

    #[test]
    fn record_that_is_none_counts_as_none() {
        let (folder, workspace) = workspace();
        files::write(&workspace.started(), b"{}").unwrap();
        for text in ["", "{\"outcome\":\"glorious\"}", "[]"] {
            files::write(&workspace.ended(), text.as_bytes()).unwrap();
            assert_eq!(
                look(&workspace, &CancellationToken::new()),
                End::Killed,
                "{text}"
            );
        }
        std::fs::remove_file(workspace.ended()).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(
            &elsewhere,
            Report::new(Outcome::Done, "").termination_message(),
        )
        .unwrap();
        std::os::unix::fs::symlink(&elsewhere, workspace.ended()).unwrap();
        assert_eq!(
            look(&workspace, &CancellationToken::new()),
            End::Killed,
            "a link is not followed"
        );
    }

    #[test]
    fn agent_that_never_starts_is_not_waited_for_without_end() {
        let (_folder, workspace) = workspace();
        assert_eq!(
            look(&workspace, &CancellationToken::new()),
            End::NeverStarted
        );
    }

    #[test]
    fn stop_before_the_start_ends_the_wait() {
        let (_folder, workspace) = workspace();
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(look(&workspace, &stop), End::NotStarted);
    }

    #[test]
    fn stop_while_the_agent_runs_waits_for_it_but_not_without_end() {
        let (_folder, workspace) = workspace();
        files::write(&workspace.started(), b"{}").unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let lock = Lock::take(&workspace.lock()).unwrap();
        assert_eq!(look(&workspace, &stop), End::StillRunning);
        drop(lock);
        assert_eq!(look(&workspace, &stop), End::Killed);
    }

    #[test]
    fn work_in_the_record_is_not_believed() {
        let (_folder, workspace) = workspace();
        let forged =
            Report::new(Outcome::Done, "").with_work(beadlet_supervise::contract::Work::default());
        files::write(&workspace.started(), b"{}").unwrap();
        files::write(&workspace.ended(), forged.termination_message().as_bytes()).unwrap();
        assert_eq!(
            look(&workspace, &CancellationToken::new()),
            End::Recorded(Report::new(Outcome::Done, ""))
        );
    }
}
