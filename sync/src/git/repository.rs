//! The repository as the mirror sees it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::wire::Limits;
use super::worker::Worker;
use super::{CommitId, GitError, Source};

/// Threads that hang and are left behind. With as many, a call fails without starting another one.
const MAX_LEFT_BEHIND: usize = 3;

/// A thread whose own limits have run out gets this long to say so itself, with a better message.
const GRACE: Duration = Duration::from_secs(2);

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
pub struct Repository {
    source: Arc<Source>,
    thread: Option<Thread>,
    left_behind: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Thread {
    /// Room for one job: there is never more than the one that runs and the one that is asked for.
    jobs: SyncSender<Job>,
    handle: JoinHandle<()>,
}

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

impl Repository {
    /// Touches neither disk nor network.
    #[must_use]
    pub fn open(source: Source) -> Self {
        Self {
            source: Arc::new(source),
            thread: None,
            left_behind: Vec::new(),
        }
    }

    /// Where the branch stands now: one look at the refs of the repository. Where the settings name no branch and HEAD has moved, HEAD is
    /// fetched as well, for the branch that the tracker's configuration names there.
    ///
    /// Dropping the future gives the call up.
    ///
    /// # Errors
    /// See [`GitError`]. Nothing is remembered of a failed call.
    pub async fn tip(&mut self) -> Result<Tip, GitError> {
        self.call(Worker::tip).await
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
        self.call(move |worker, limits| worker.fetch(&tip, limits))
            .await
    }

    async fn call<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Worker, &Limits) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let total = self.source.timeout.saturating_mul(Source::TOTAL_FACTOR);
        let unwanted = CancellationToken::new();
        let limits = Limits {
            silence: self.source.timeout,
            total,
            end: Instant::now() + total,
            unwanted: unwanted.clone(),
        };
        let (answer, answered) = oneshot::channel();
        self.start(Box::new(move |worker| {
            // Nobody waits any more when this fails.
            let _ = answer.send(act(worker, &limits));
        }))?;
        let _given_up = unwanted.drop_guard();
        match tokio::time::timeout(total + GRACE, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => {
                self.thread = None;
                Err(GitError::WorkerEnded {
                    place: self.place(),
                })
            }
            Err(_) => {
                self.leave_behind();
                Err(GitError::Hung {
                    place: self.place(),
                    limit: total,
                })
            }
        }
    }

    fn place(&self) -> String {
        self.source.url.to_string()
    }

    /// Gives the job to the thread, or to a new one when that has ended or still has an old job before it.
    fn start(&mut self, job: Job) -> Result<(), GitError> {
        let job = match &self.thread {
            None => job,
            Some(thread) => match thread.jobs.try_send(job) {
                Ok(()) => return Ok(()),
                Err(
                    std::sync::mpsc::TrySendError::Full(job)
                    | std::sync::mpsc::TrySendError::Disconnected(job),
                ) => job,
            },
        };
        self.leave_behind();
        if self.left_behind.len() >= MAX_LEFT_BEHIND {
            let limit = self.source.timeout.saturating_mul(Source::TOTAL_FACTOR);
            return Err(GitError::Hung {
                place: self.place(),
                limit,
            });
        }
        let thread = self.thread.insert(
            Thread::start(Worker::new(Arc::clone(&self.source))?).map_err(|_| {
                GitError::WorkerEnded {
                    place: self.source.url.to_string(),
                }
            })?,
        );
        thread
            .jobs
            .try_send(job)
            .map_err(|_| GitError::WorkerEnded {
                place: self.source.url.to_string(),
            })
    }

    fn leave_behind(&mut self) {
        self.left_behind
            .extend(self.thread.take().map(|thread| thread.handle));
        self.left_behind.retain(|handle| !handle.is_finished());
    }
}

impl Thread {
    fn start(worker: Worker) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(1);
        let handle = std::thread::Builder::new()
            .name("git".to_owned())
            .spawn(move || work(worker, &queue))?;
        Ok(Self { jobs, handle })
    }
}

fn work(mut worker: Worker, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        job(&mut worker);
    }
}
