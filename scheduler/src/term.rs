//! Whether this process may write.

use tokio::sync::watch;
use tokio::time::Instant;

/// The time for which this process leads. Clones say the same.
#[derive(Clone, Debug)]
pub struct Term {
    /// `None`: without an election, for ever.
    until: Option<watch::Receiver<Option<Instant>>>,
}

/// The lease ran out, or another process has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process does not lead any more")]
pub struct NotLeading;

impl Term {
    /// A term without an end.
    #[must_use]
    pub fn forever() -> Self {
        Self { until: None }
    }

    /// A term that lasts until the instant that the election writes there.
    #[must_use]
    pub fn elected(until: watch::Receiver<Option<Instant>>) -> Self {
        Self { until: Some(until) }
    }

    /// Asked before every write. It makes a late write improbable; that a late one does no harm is the business of
    /// [`crate::decide::slot`].
    ///
    /// # Errors
    /// When the term is over. The clock goes on while a process is stopped, so one that was paused past its lease sees it.
    pub fn check(&self) -> Result<(), NotLeading> {
        match &self.until {
            None => Ok(()),
            Some(until) => until
                .borrow()
                .filter(|until| Instant::now() < *until)
                .map(drop)
                .ok_or(NotLeading),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn term_ends_by_the_clock_and_by_being_taken_away() {
        let (tell, told) = watch::channel(None);
        let term = Term::elected(told);
        assert_eq!(term.check(), Err(NotLeading));
        tell.send_replace(Some(Instant::now() + Duration::from_secs(15)));
        assert_eq!(term.check(), Ok(()));
        tokio::time::advance(Duration::from_secs(16)).await;
        assert_eq!(term.check(), Err(NotLeading));
        tell.send_replace(Some(Instant::now() + Duration::from_secs(15)));
        tell.send_replace(None);
        assert_eq!(term.check(), Err(NotLeading));
        assert_eq!(Term::forever().check(), Ok(()));
    }
}
