//! What starts a pass of the mirror.
//!
//! Triggers coalesce: each is a bit that is set or not, so a flood of one kind is one pass and nothing can fill up.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Why a pass starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    Start,
    /// Refs of a local repository changed.
    Files,
    /// The sync interval has passed.
    Poll,
    /// SIGHUP.
    Signal,
    /// A person or a webhook asks.
    Poke,
    /// An instant at which READY changes has come.
    Clock,
    /// Somebody else changed a ConfigMap of ours.
    Drift,
}

/// The triggers that came since the last pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fired(u8);

impl Fired {
    #[must_use]
    pub fn contains(self, _trigger: Trigger) -> bool {
        todo!()
    }
}

/// Pulls triggers. Cheap to clone, never blocks.
#[derive(Clone, Debug)]
pub struct Puller {}

impl Puller {
    /// Pulling one that is already pulled changes nothing.
    pub fn pull(&self, _trigger: Trigger) {
        todo!()
    }
}

/// Waits for triggers.
#[derive(Debug)]
pub struct Triggers {}

impl Triggers {
    /// The two ends.
    #[must_use]
    pub fn channel() -> (Puller, Triggers) {
        todo!()
    }

    /// Waits for at least one trigger and takes all that were pulled. Cancel safe.
    #[allow(clippy::unused_async)]
    pub async fn next(&mut self) -> Fired {
        todo!()
    }
}

/// Pulls [`Trigger::Files`] a few milliseconds after refs of the repository at `path` change. Ends when `stop` is cancelled.
#[allow(clippy::unused_async)]
pub async fn watch(_path: PathBuf, _puller: Puller, _stop: CancellationToken) {
    todo!()
}

/// Pulls [`Trigger::Poll`] every `interval`. Ends when `stop` is cancelled.
#[allow(clippy::unused_async)]
pub async fn poll(_interval: Duration, _puller: Puller, _stop: CancellationToken) {
    todo!()
}

/// Pulls [`Trigger::Signal`] on SIGHUP. Ends when `stop` is cancelled.
///
/// # Errors
/// When the process cannot listen for signals.
#[allow(clippy::unused_async)]
pub async fn hangup(_puller: Puller, _stop: CancellationToken) -> std::io::Result<()> {
    todo!()
}
