//! The repository as the mirror sees it.

use bytes::Bytes;
use jiff::Timestamp;

use super::{CommitId, GitError, Source};

/// Where the branch stands, as the repository says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Without `refs/heads/`; `HEAD` when that is detached; the full name of any other ref.
    pub branch: String,
    pub commit: CommitId,
    /// There is tracker data that only Dolt can read (`refs/dolt/data`).
    pub dolt: bool,
}

/// The issue file at one commit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub branch: String,
    pub commit: CommitId,
    pub committed_at: Timestamp,
    /// From the top of the repository.
    pub path: String,
    pub file: Bytes,
    /// `.beads/config.yaml` at the same commit, as it stands there.
    pub tracker_config: Option<Bytes>,
    pub dolt: bool,
}

/// A handle on the repository. Its work is done by a thread of its own, which is left behind when it hangs.
#[derive(Debug)]
pub struct Repository {}

impl Repository {
    /// Touches neither disk nor network.
    #[must_use]
    pub fn open(_source: Source) -> Self {
        todo!()
    }

    /// Where the branch stands now: one exchange with the server, or a look at the refs of a local repository.
    ///
    /// # Errors
    /// See [`GitError`]. Nothing is remembered of a failed call.
    #[allow(clippy::unused_async)]
    pub async fn tip(&mut self) -> Result<Tip, GitError> {
        todo!()
    }

    /// The file at `tip`. Goes to the server only when that commit is not here yet.
    ///
    /// # Errors
    /// See [`GitError`]. What was fetched before stays usable.
    #[allow(clippy::unused_async)]
    pub async fn fetch(&mut self, _tip: &Tip) -> Result<Snapshot, GitError> {
        todo!()
    }
}
