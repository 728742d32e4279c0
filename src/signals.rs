//! Signals that end the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals that end the process: the first lets the pass finish, the second aborts.
#[derive(Debug)]
pub struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// From now on these signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the process cannot listen for signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Cancels `stop` at the first signal and returns at the second. Cancel safe.
    pub async fn second(&mut self, stop: &CancellationToken) {
        if !stop.is_cancelled() {
            let signal = self.next().await;
            tracing::info!(signal, "stopping after the pass in flight");
            stop.cancel();
        }
        let signal = self.next().await;
        tracing::warn!(signal, "aborted in the middle of a pass");
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
