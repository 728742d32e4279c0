//! The thread in which a repository's blocking work is done.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::worker::Worker;
use super::{GitError, Limits, Source};

/// Threads that hang and are left behind. With as many, a call fails without starting another one.
const MAX_LEFT_BEHIND: usize = 3;

/// A thread whose own limits have run out gets this long to say so itself, with a better message.
const GRACE: Duration = Duration::from_secs(2);

/// Longer than anybody waits, and short enough to be added to an instant.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Starts the thread when it is first needed, and another one when it has ended or hangs.
#[derive(Debug)]
pub(super) struct GitThread {
    source: Arc<Source>,
    running: Option<Running>,
    left_behind: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Running {
    /// Room for one job: there is never more than the one that runs and the one that is asked for.
    jobs: SyncSender<Job>,
    handle: JoinHandle<()>,
}

/// Gets an error where the settings do not allow a worker.
type Job = Box<dyn FnOnce(Result<&mut Worker, GitError>) + Send>;

impl GitThread {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source: Arc::new(source),
            running: None,
            left_behind: Vec::new(),
        }
    }

    /// Runs `act` in the thread. Dropping the future tells it to end.
    pub(super) async fn call<T: Send + 'static>(
        &mut self,
        act: impl FnOnce(&mut Worker, &Limits) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let limits = self.limits();
        let (total, given_up) = (limits.total, limits.unwanted.clone().drop_guard());
        let (answer, answered) = oneshot::channel();
        self.start(Box::new(move |worker| {
            // Nobody waits any more when this fails.
            let _ = answer.send(worker.and_then(|worker| act(worker, &limits)));
        }))?;
        let result = match tokio::time::timeout(total + GRACE, answered).await {
            Ok(Ok(result)) => result,
            // It panicked; the next call starts another one.
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => {
                self.leave_behind();
                Err(self.hung())
            }
        };
        drop(given_up);
        result
    }

    fn limits(&self) -> Limits {
        let total = self
            .source
            .timeout
            .saturating_mul(Source::TOTAL_FACTOR)
            .min(FOREVER);
        Limits {
            silence: self.source.timeout,
            total,
            end: Instant::now() + total,
            unwanted: CancellationToken::new(),
        }
    }

    /// Gives the job to the thread, or to a new one when that has ended or still has an old job before it.
    fn start(&mut self, job: Job) -> Result<(), GitError> {
        let Some(running) = &self.running else {
            return self.start_anew(job);
        };
        match running.jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => self.start_anew(job),
        }
    }

    fn start_anew(&mut self, job: Job) -> Result<(), GitError> {
        self.leave_behind();
        if self.left_behind.len() >= MAX_LEFT_BEHIND {
            return Err(self.hung());
        }
        let running = Running::start(Arc::clone(&self.source)).map_err(|_| self.ended())?;
        running.jobs.try_send(job).map_err(|_| self.ended())?;
        self.running = Some(running);
        Ok(())
    }

    fn leave_behind(&mut self) {
        self.left_behind
            .extend(self.running.take().map(|running| running.handle));
        self.left_behind.retain(|handle| !handle.is_finished());
    }

    fn hung(&self) -> GitError {
        GitError::Hung {
            place: self.source.url.to_string(),
            limit: self.limits().total,
        }
    }

    fn ended(&self) -> GitError {
        GitError::WorkerEnded {
            place: self.source.url.to_string(),
        }
    }
}

impl Running {
    fn start(source: Arc<Source>) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(1);
        let handle = std::thread::Builder::new()
            .name("git".to_owned())
            .spawn(move || work(&source, &queue))?;
        Ok(Self { jobs, handle })
    }
}

/// Ends when nobody can ask any more.
fn work(source: &Arc<Source>, queue: &Receiver<Job>) {
    let mut kept = None;
    while let Ok(job) = queue.recv() {
        match kept
            .take()
            .map_or_else(|| Worker::new(Arc::clone(source)), Ok)
        {
            Ok(worker) => job(Ok(kept.insert(worker))),
            Err(error) => job(Err(error)),
        }
    }
}
