//! What starts a pass of the mirror.
//!
//! Triggers coalesce: each is a bit that is set or not, so a flood of one kind is one pass and nothing can fill up.

mod bell;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use bell::Bell;
pub use watch::watch;

/// Why a pass starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Trigger {
    Start,
    /// Refs of a local repository changed.
    Files,
    /// The sync interval has passed.
    Poll,
    /// SIGHUP.
    Signal,
    /// A person asks.
    Poke,
    /// An instant at which READY changes has come.
    Clock,
    /// Somebody else changed a ConfigMap of ours.
    Drift,
    /// A webhook says that there is something new. Nothing that it says is believed.
    Webhook,
}

impl Trigger {
    const ALL: [Self; 8] = [
        Self::Start,
        Self::Files,
        Self::Poll,
        Self::Signal,
        Self::Poke,
        Self::Clock,
        Self::Drift,
        Self::Webhook,
    ];

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// For logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Files => "files",
            Self::Poll => "poll",
            Self::Signal => "signal",
            Self::Poke => "poke",
            Self::Clock => "clock",
            Self::Drift => "drift",
            Self::Webhook => "webhook",
        }
    }
}

/// The triggers that came since the last pass. At least one where they come from [`Triggers::next`], none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fired(u8);

impl Fired {
    #[must_use]
    pub fn contains(self, trigger: Trigger) -> bool {
        self.0 & trigger.bit() != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Trigger> {
        Trigger::ALL
            .into_iter()
            .filter(move |trigger| self.contains(*trigger))
    }
}

#[derive(Debug, Default)]
struct Pending {
    bits: AtomicU8,
    changed: Notify,
}

/// Pulls triggers. Cheap to clone, never blocks.
#[derive(Clone, Debug)]
pub struct Puller(Arc<Pending>);

impl Puller {
    /// Pulling one that is already pulled changes nothing.
    pub fn pull(&self, trigger: Trigger) {
        self.0.bits.fetch_or(trigger.bit(), Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

/// Waits for triggers.
#[derive(Debug)]
pub struct Triggers(Arc<Pending>);

impl Triggers {
    /// The two ends.
    #[must_use]
    pub fn channel() -> (Puller, Self) {
        let pending = Arc::new(Pending::default());
        (Puller(Arc::clone(&pending)), Self(pending))
    }

    /// Waits for at least one trigger and takes all that were pulled. Cancel safe.
    pub async fn next(&mut self) -> Fired {
        loop {
            match self.0.bits.swap(0, Ordering::AcqRel) {
                0 => self.0.changed.notified().await,
                bits => return Fired(bits),
            }
        }
    }
}

/// Pulls [`Trigger::Poll`] every `interval` (at least a millisecond). Ends when `stop` is cancelled.
pub async fn poll(interval: Duration, puller: Puller, stop: CancellationToken) {
    let interval = interval.max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        puller.pull(Trigger::Poll);
    }
}

/// Pulls [`Trigger::Signal`] on SIGHUP. Ends when `stop` is cancelled.
///
/// # Errors
/// When the process cannot listen for signals.
pub async fn hangup(puller: Puller, stop: CancellationToken) -> std::io::Result<()> {
    let mut signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    while let Some(Some(())) = stop.run_until_cancelled(signals.recv()).await {
        puller.pull(Trigger::Signal);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
