//! The commit on its way to the server.

use std::time::{Duration, Instant};

use beadlet_supervise::contract::{ExitCode, Work};
use tokio_util::sync::CancellationToken;

use super::verdict::Fate;
use crate::branches::BranchError;
use crate::place::Place;
use crate::server::{Delivery, Pushed, ServerError, Trouble};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// A commit, and where it should go.
pub(super) struct Attempt<'a> {
    pub(super) delivery: Delivery<'a>,
    pub(super) place: &'a Place,
    pub(super) work: Work,
    /// For how long a failed push is tried again.
    pub(super) retry: Duration,
    /// Once the pod is told to stop, nothing is tried again.
    pub(super) stop: &'a CancellationToken,
}

/// Why the commit is not on its branch.
enum Unpublished {
    Guarded(BranchError),
    Server(ServerError),
    Moved,
    Refused(String),
}

/// Pushes the commit, never by force. Where its branch does not take it, it goes on a branch beside it, so that nothing is lost. A push
/// whose answer got lost is found out by the next try.
pub(super) fn publish(attempt: &Attempt<'_>) -> Fate {
    let why = match push_to(attempt, &attempt.work.branch) {
        Ok(()) => return Fate::Pushed(attempt.work.clone()),
        Err(why) => why,
    };
    let (text, code) = why.told(&attempt.work.branch);
    if matches!(why, Unpublished::Moved | Unpublished::Refused(_)) {
        let beside = attempt.place.branches.beside(&attempt.work.commit);
        if push_to(attempt, &beside).is_ok() {
            let work = Work {
                branch: beside.clone(),
                ..attempt.work.clone()
            };
            return Fate::Beside {
                work,
                why: format!("{text}; the work is on {beside}"),
                code,
            };
        }
    }
    Fate::Lost { why: text, code }
}

impl Unpublished {
    fn told(&self, branch: &str) -> (String, ExitCode) {
        match self {
            Self::Guarded(error) => (error.to_string(), ExitCode::PushSettings),
            Self::Moved => (
                format!("someone else moved {branch} on the server"),
                ExitCode::BranchMoved,
            ),
            Self::Refused(words) => (
                format!("the server refuses {branch}: {words}"),
                ExitCode::PushRefused,
            ),
            Self::Server(error) => {
                let code = if error.trouble == Trouble::Refused {
                    ExitCode::PushRefused
                } else {
                    ExitCode::PushFailed
                };
                (format!("cannot push {branch}: {error}"), code)
            }
        }
    }
}

/// Tries until it is decided or the time is over.
fn push_to(attempt: &Attempt<'_>, branch: &str) -> Result<(), Unpublished> {
    let end = Instant::now() + attempt.retry;
    let mut pause = FIRST_PAUSE;
    loop {
        match push_once(attempt, branch) {
            Err(Unpublished::Server(error))
                if error.trouble == Trouble::Passing && may_wait(attempt, end, pause) =>
            {
                tracing::warn!(%error, branch, "push failed, tried again");
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            other => return other,
        }
    }
}

fn may_wait(attempt: &Attempt<'_>, end: Instant, pause: Duration) -> bool {
    !attempt.stop.is_cancelled() && Instant::now() + pause < end
}

fn push_once(attempt: &Attempt<'_>, branch: &str) -> Result<(), Unpublished> {
    let server = &attempt.place.server;
    let before = server.refs().map_err(Unpublished::Server)?;
    attempt
        .place
        .branches
        .check_default(before.default.as_deref())
        .map_err(Unpublished::Guarded)?;
    let is_there = |tip: &git2::Oid| tip.to_string() == attempt.work.commit;
    if before.branches.get(branch).is_some_and(is_there) {
        return Ok(());
    }
    match server
        .push(&attempt.delivery, branch)
        .map_err(Unpublished::Server)?
    {
        Pushed::Accepted => Ok(()),
        Pushed::Moved => Err(Unpublished::Moved),
        // Servers say it in their own words when somebody was faster by a moment.
        Pushed::Refused(words) => {
            let after = server.refs().map_err(Unpublished::Server)?;
            let tip = after.branches.get(branch);
            // An earlier try of ours, whose answer got lost, came through after all.
            if tip.is_some_and(is_there) {
                return Ok(());
            }
            Err(if tip != before.branches.get(branch) {
                Unpublished::Moved
            } else {
                Unpublished::Refused(words)
            })
        }
    }
}
