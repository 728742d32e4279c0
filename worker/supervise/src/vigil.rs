//! Staying with a running agent.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;

use crate::changes::change_since;
use crate::conclusion::Exit;
use crate::output::Output;
use crate::process::Agent;
use crate::signals::{Received, Signals};
use crate::watch::{Next, Watch};

/// A file that is newer than this says nothing about when it was written.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A running agent and what it is measured by.
pub(crate) struct Vigil {
    pub(crate) agent: Agent,
    pub(crate) output: Output,
    pub(crate) watch: Watch,
    pub(crate) started: Instant,
    /// The same instant as `started`, on the clock of the files.
    pub(crate) began: SystemTime,
    pub(crate) repository: PathBuf,
}

impl Vigil {
    /// Stays until the agent has ended.
    pub(crate) async fn keep(&mut self, signals: &mut Signals) -> Exit {
        loop {
            if let Some(exit) = self.agent.reap() {
                return exit;
            }
            let wait = self.step().await;
            let received = tokio::select! {
                received = signals.next() => received,
                () = until(self.started, wait) => Received::Nothing,
            };
            self.receive(received);
        }
    }

    /// Does what is due and says when to look again.
    async fn step(&mut self) -> Option<Duration> {
        loop {
            self.watch.printed(self.output.printed());
            let now = self.started.elapsed();
            match self.watch.next(now) {
                Next::Wait(wait) => return wait,
                Next::LookForChanges(since) => {
                    let changed = self.change_since(since).await;
                    self.watch.changed(changed.map(|at| at.min(now)), now);
                }
                next => self.act(next),
            }
        }
    }

    fn act(&self, next: Next) {
        match next {
            Next::Terminate(why) => {
                tracing::warn!(?why, "agent asked to end");
                self.agent.signal(Signal::TERM);
            }
            Next::Kill => {
                tracing::warn!("agent ended by force");
                self.agent.signal(Signal::KILL);
            }
            Next::Wait(_) | Next::LookForChanges(_) => {}
        }
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Nothing => {}
            Received::Stop => {
                let next = self.watch.stop(self.started.elapsed());
                self.act(next);
            }
            Received::PassOn(signal) => self.agent.signal(signal),
        }
    }

    /// When a file changed after `since`. A large tree takes a while, so it is walked elsewhere.
    async fn change_since(&self, since: Duration) -> Option<Duration> {
        let (began, repository) = (self.began, self.repository.clone());
        let looked = tokio::task::spawn_blocking(move || {
            change_since(&repository, began + since, SystemTime::now() + CLOCK_SKEW)
        });
        looked.await.ok().flatten()?.duration_since(began).ok()
    }
}

/// Ends at `wait` after `start`; never without one.
async fn until(start: Instant, wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep_until((start + wait).into()).await,
        None => std::future::pending().await,
    }
}
