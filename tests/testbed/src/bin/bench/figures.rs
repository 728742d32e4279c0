//! What was measured, as numbers.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Everything; what was not asked for is empty.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) first_sync: Vec<FirstSync>,
    pub(crate) push: Option<Push>,
    pub(crate) webhook: Option<Push>,
    pub(crate) unchanged: Option<Unchanged>,
    pub(crate) idle: Option<Idle>,
    pub(crate) dispatch: Option<Dispatch>,
    pub(crate) push_to_job: Option<PushToJob>,
    pub(crate) deciding: Option<Deciding>,
    pub(crate) pod: Option<Pod>,
}

/// First syncs of one size. Times are medians over the rounds.
#[derive(Debug)]
pub(crate) struct FirstSync {
    pub(crate) issues: usize,
    /// Bytes of the issue file.
    pub(crate) file: u64,
    pub(crate) rounds: u8,
    pub(crate) beadlet: Duration,
    /// The most memory of all rounds, in bytes.
    pub(crate) peak: u64,
    /// Requests of one round: creates, and all others.
    pub(crate) creates: usize,
    pub(crate) other_requests: usize,
    pub(crate) bare: Duration,
    /// Requests that the bare client has in flight.
    pub(crate) bare_at_once: NonZeroUsize,
    /// One after the other; None where it would take too long.
    pub(crate) one_by_one: Option<Duration>,
    pub(crate) kubectl: Option<Kubectl>,
}

/// `kubectl apply --server-side -f`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kubectl {
    /// Of new ConfigMaps.
    pub(crate) first: Duration,
    /// Again, with one ConfigMap changed: one sample.
    pub(crate) again: Duration,
}

/// From moved branches to the sight of ConfigMaps.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) issues: usize,
    /// Sorted.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) writes: usize,
    pub(crate) other_requests: usize,
}

/// Work that should not be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unchanged {
    pub(crate) issues: usize,
    /// Passes that were asked for by a signal.
    pub(crate) pokes: usize,
    pub(crate) poke_requests: usize,
    /// Commits that left the issue file as it was.
    pub(crate) commits: usize,
    pub(crate) commit_requests: usize,
    pub(crate) restart_writes: usize,
    pub(crate) restart_reads: usize,
    pub(crate) restart: Duration,
}

/// A daemon with nothing to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    pub(crate) issues: usize,
    /// Bytes.
    pub(crate) resident: u64,
    pub(crate) time: Duration,
    pub(crate) watched: Duration,
    pub(crate) requests: usize,
}

/// Ready issues become Jobs. Times are medians over the rounds, from the making of the Rig to the sight of the last Job.
#[derive(Debug)]
pub(crate) struct Dispatch {
    /// All of them ready, with a place for each.
    pub(crate) beads: usize,
    pub(crate) rounds: usize,
    pub(crate) created: Duration,
    /// Until the last Job was unsuspended.
    pub(crate) started: Duration,
    /// A client that only creates the same Jobs.
    pub(crate) bare: Duration,
    /// Requests that it has in flight.
    pub(crate) bare_at_once: NonZeroUsize,
    pub(crate) one_by_one: Duration,
    /// What beadlet asked in the last round, by verb and resource.
    pub(crate) requests: Vec<(String, usize)>,
    /// Processor time of beadlet in the last round, from the making of the Rig to the last pod.
    pub(crate) used: Duration,
    /// The most Jobs that were ever unsuspended and not ended, of all rounds.
    pub(crate) most_at_once: usize,
    pub(crate) through: Through,
}

/// The same with a tenth of the places, and pods that end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Through {
    pub(crate) places: usize,
    /// Until the last Job was unsuspended.
    pub(crate) time: Duration,
    pub(crate) most_at_once: usize,
}

/// From moved branches to the sight of what comes of them. Sorted.
#[derive(Debug, Default)]
pub(crate) struct PushToJob {
    pub(crate) issues: usize,
    pub(crate) polecat: Vec<Duration>,
    pub(crate) created: Vec<Duration>,
    /// Until the Job was unsuspended.
    pub(crate) started: Vec<Duration>,
}

/// What runs in a Polecat's pod.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) sizes: Vec<Size>,
}

/// One project. Times are medians over the rounds; memory, in bytes, is the most of all rounds.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Bytes of the project's packs.
    pub(crate) history: u64,
    pub(crate) rounds: u8,
    /// `git clone --depth 1`.
    pub(crate) git_clone: Duration,
    pub(crate) clone: Duration,
    pub(crate) push: Duration,
    pub(crate) clone_peak: u64,
    pub(crate) supervisor_peak: u64,
    pub(crate) push_peak: u64,
}

/// A program or an image.
#[derive(Debug)]
pub(crate) struct Size {
    pub(crate) what: String,
    pub(crate) bytes: u64,
}

/// The part without git and cluster, median of its rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deciding {
    pub(crate) issues: usize,
    pub(crate) read: Duration,
    pub(crate) ready: Duration,
    pub(crate) render: Duration,
}

impl FirstSync {
    /// ConfigMaps a second in `time`.
    pub(crate) fn rate(&self, time: Duration) -> f64 {
        self.issues as f64 / time.as_secs_f64()
    }
}

impl Idle {
    /// Of one core.
    pub(crate) fn share(&self) -> f64 {
        self.time.as_secs_f64() / self.watched.as_secs_f64()
    }
}

impl Push {
    /// The latency that `percent` of 100 pushes did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.latencies, percent)
    }
}

impl Dispatch {
    /// Jobs a second in `time`.
    pub(crate) fn rate(&self, time: Duration) -> f64 {
        self.beads as f64 / time.as_secs_f64()
    }
}

impl PushToJob {
    pub(crate) fn sorted(mut self, issues: usize) -> Self {
        self.issues = issues;
        self.polecat.sort_unstable();
        self.created.sort_unstable();
        self.started.sort_unstable();
        self
    }
}

/// What `percent` of 100 of the sorted samples did not exceed.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

/// The middle one; of an even number the lower of the two.
pub(crate) fn median<T: Copy + Ord + Default>(samples: &[T]) -> T {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted
        .get(sorted.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_a_latency_that_was_measured() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let push = Push {
            issues: 1,
            latencies,
            writes: 0,
            other_requests: 0,
        };
        assert_eq!(push.percentile(50), Duration::from_millis(100));
        assert_eq!(push.percentile(99), Duration::from_millis(198));
        assert_eq!(push.percentile(100), Duration::from_millis(200));
    }

    #[test]
    fn median_is_the_middle_sample() {
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[4, 2]), 2);
    }
}
