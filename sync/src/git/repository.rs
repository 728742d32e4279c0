//! The repository as the mirror sees it.

use bytes::Bytes;
use jiff::Timestamp;

use super::thread::GitThread;
use super::worker::Worker;
use super::{Aside, CommitId, GitError, Onto, Published, Revision, Source};

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

/// A handle on the repository. Its work is done by a thread of its own, as libgit2 blocks. One that hangs is left behind and does not
/// hold up the end of the process.
#[derive(Debug)]
pub struct Repository(GitThread);

impl Repository {
    /// Touches neither disk nor network.
    #[must_use]
    pub fn open(source: Source) -> Self {
        Self(GitThread::new(source))
    }

    /// Where the branch stands now: one look at the refs of the repository. Where the settings name no branch and HEAD has moved, HEAD is
    /// fetched as well, for the branch that the tracker's configuration names there.
    ///
    /// Dropping the future gives the call up.
    ///
    /// # Errors
    /// See [`GitError`]. Nothing is remembered of a failed call.
    pub async fn tip(&mut self) -> Result<Tip, GitError> {
        self.0.call(Worker::tip).await
    }

    /// The file at `tip`. Goes to the server only when that commit is not here yet. When the branch has moved on meanwhile and the server
    /// does not give out the old commit, the newer one is read, as [`Snapshot::commit`] says.
    ///
    /// Dropping the future gives the call up.
    ///
    /// # Errors
    /// See [`GitError`]. What was fetched before stays usable.
    pub async fn fetch(&mut self, tip: &Tip) -> Result<Snapshot, GitError> {
        let tip = tip.clone();
        self.0
            .call(move |worker, limits| worker.fetch(&tip, limits))
            .await
    }

    /// Makes `revision` the commit after `base`, in the repository itself, and takes it to the branch or to another one. Dropping the future gives the call up: the commit may be there
    /// all the same.
    ///
    /// # Errors
    /// See [`GitError`]. After one, too, the commit may be there.
    pub async fn commit(
        &mut self,
        base: &Snapshot,
        revision: Revision,
        onto: Onto,
    ) -> Result<Published, GitError> {
        let base = base.clone();
        self.0
            .call(move |worker, limits| worker.commit(&base, &revision, &onto, limits))
            .await
    }

    /// What another branch holds of the file at `path`; `None` where the branch is not there.
    ///
    /// Dropping the future gives the call up.
    ///
    /// # Errors
    /// See [`GitError`].
    pub async fn aside(&mut self, branch: &str, path: &str) -> Result<Option<Aside>, GitError> {
        let (branch, path) = (branch.to_owned(), path.to_owned());
        self.0
            .call(move |worker, limits| worker.aside(&branch, &path, limits))
            .await
    }
}
