//! How long to wait before trying again.

use std::time::Duration;

/// Waits that double with each failure, up to a bound, and start again after a success.
#[derive(Clone, Debug)]
pub struct Pace {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Pace {
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// The wait that one more failure would bring, at most.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.first
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(self.longest)
    }

    /// The wait after one more failure. `chance` (0 to 1) takes up to a quarter off, so that many mirrors do not come at once.
    pub fn fail(&mut self, chance: f64) -> Duration {
        let wait = self.wait();
        self.failures = self.failures.saturating_add(1);
        wait.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 4.0)
    }

    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_start_again() {
        let mut pace = Pace::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<_> = (0..5).map(|_| pace.fail(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        pace.succeed();
        assert_eq!(pace.fail(1.0), Duration::from_millis(750));
    }

    #[test]
    fn a_hundred_failures_do_not_overflow() {
        let mut pace = Pace::new(Duration::from_secs(1), Duration::from_secs(60));
        let last = (0..100).map(|_| pace.fail(0.5)).last();
        assert_eq!(last, Some(Duration::from_secs(60).mul_f64(0.875)));
    }
}
