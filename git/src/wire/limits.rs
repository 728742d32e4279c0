//! How long one call may take.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::WireError;

/// Ends every wait of a call: when the server is silent for too long, when the call as a whole takes too long, or when nobody wants the
/// answer any more.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long one wait may be.
    pub silence: Duration,
    /// How long all may take: only shown.
    pub total: Duration,
    /// When all must be over.
    pub end: Instant,
    /// Cancelled when nobody wants the answer any more.
    pub unwanted: CancellationToken,
}

impl Limits {
    /// From now on.
    #[must_use]
    pub fn from_now(silence: Duration, total: Duration, unwanted: CancellationToken) -> Self {
        Self {
            silence,
            total,
            end: Instant::now() + total,
            unwanted,
        }
    }

    /// How long the next wait may be.
    ///
    /// # Errors
    /// When there is no time left.
    pub(crate) fn next(&self) -> Result<Duration, WireError> {
        if self.unwanted.is_cancelled() {
            return Err(WireError::Unwanted);
        }
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(WireError::TooSlow { limit: self.total })
        } else {
            Ok(left.min(self.silence))
        }
    }

    /// What it means that a wait has run out.
    pub(crate) fn run_out(&self) -> WireError {
        match self.next() {
            Ok(_) => WireError::Silent {
                limit: self.silence,
            },
            Err(error) => error,
        }
    }

    pub(crate) async fn within<T>(&self, wait: impl Future<Output = T>) -> Result<T, WireError> {
        let limited = tokio::time::timeout(self.next()?, wait);
        match self.unwanted.run_until_cancelled(limited).await {
            None => Err(WireError::Unwanted),
            Some(Err(_)) => Err(self.run_out()),
            Some(Ok(value)) => Ok(value),
        }
    }
}
