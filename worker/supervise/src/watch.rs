//! When an agent has to end: at its deadline, when it was idle for too long, when told to, and how long it has for it.

use std::time::Duration;

use crate::contract::Outcome;

/// The bounds of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the start of the agent.
    pub deadline: Option<Duration>,
    /// Without output and without a changed file.
    pub max_idle: Option<Duration>,
    /// Between the request to end and the end by force.
    pub grace: Duration,
}

/// What the supervisor does next. All times are since the start of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Look again at this time, or when something happens.
    Wait(Option<Duration>),
    /// There was no output for long enough: find out whether a file changed after this time, and say so with [`Watch::changed`].
    LookForChanges(Duration),
    /// Ask the agent to end.
    Terminate(Outcome),
    /// End it by force.
    Kill,
}

/// Follows one agent.
#[derive(Clone, Debug)]
pub struct Watch {
    limits: Limits,
    output: Duration,
    /// When a file changed, and when that was found out.
    changed: Option<(Duration, Duration)>,
    ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    why: Outcome,
    since: Duration,
    killed: bool,
}

impl Watch {
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            output: Duration::ZERO,
            changed: None,
            ending: None,
        }
    }

    /// The agent printed something.
    pub fn printed(&mut self, at: Duration) {
        self.output = self.output.max(at);
    }

    /// At `now` it was found that a file changed at `at`; `None` when none changed after the time that was asked about.
    pub fn changed(&mut self, at: Option<Duration>, now: Duration) {
        let before = self.changed.map_or(Duration::ZERO, |(at, _)| at);
        self.changed = Some((at.unwrap_or(before), now));
    }

    /// Why the agent was asked to end.
    #[must_use]
    pub fn ending(&self) -> Option<Outcome> {
        self.ending.map(|ending| ending.why)
    }

    /// The pod was told to stop. A second time ends the agent by force.
    pub fn stop(&mut self, now: Duration) -> Next {
        match &mut self.ending {
            None => self.terminate(Outcome::Stopped, now),
            Some(ending) => {
                ending.killed = true;
                Next::Kill
            }
        }
    }

    /// What to do at `now`.
    pub fn next(&mut self, now: Duration) -> Next {
        if let Some(ending) = &mut self.ending {
            let end = ending.since + self.limits.grace;
            if ending.killed {
                return Next::Wait(None);
            }
            if now < end {
                return Next::Wait(Some(end));
            }
            ending.killed = true;
            return Next::Kill;
        }
        if self.limits.deadline.is_some_and(|deadline| now >= deadline) {
            return self.terminate(Outcome::Deadline, now);
        }
        match self.limits.max_idle {
            Some(max_idle) => self.next_of_idle(max_idle, now),
            None => Next::Wait(self.limits.deadline),
        }
    }

    fn next_of_idle(&mut self, max_idle: Duration, now: Duration) -> Next {
        let changed = self.changed.map_or(Duration::ZERO, |(at, _)| at);
        let idle_at = self.output.max(changed) + max_idle;
        if now < idle_at {
            return Next::Wait(Some(
                self.limits
                    .deadline
                    .map_or(idle_at, |deadline| deadline.min(idle_at)),
            ));
        }
        // What was found out before the time was up says nothing about the time since.
        match self.changed {
            Some((_, looked)) if looked >= idle_at => self.terminate(Outcome::Idle, now),
            _ => Next::LookForChanges(now - max_idle),
        }
    }

    fn terminate(&mut self, why: Outcome, now: Duration) -> Next {
        self.ending = Some(Ending {
            why,
            since: now,
            killed: false,
        });
        Next::Terminate(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn watch(deadline: Option<u64>, max_idle: Option<u64>) -> Watch {
        Watch::new(Limits {
            deadline: deadline.map(s),
            max_idle: max_idle.map(s),
            grace: s(20),
        })
    }

    #[test]
    fn agent_without_bounds_is_left_alone() {
        assert_eq!(watch(None, None).next(s(1_000_000)), Next::Wait(None));
    }

    #[test]
    fn deadline_ends_the_agent_gently_then_by_force() {
        let mut watch = watch(Some(100), None);
        assert_eq!(watch.next(s(99)), Next::Wait(Some(s(100))));
        assert_eq!(watch.next(s(100)), Next::Terminate(Outcome::Deadline));
        assert_eq!(watch.next(s(119)), Next::Wait(Some(s(120))));
        assert_eq!(watch.next(s(120)), Next::Kill);
        assert_eq!(watch.next(s(200)), Next::Wait(None));
        assert_eq!(watch.ending(), Some(Outcome::Deadline));
    }

    #[test]
    fn agent_without_output_or_changes_is_idle() {
        let mut watch = watch(Some(100), Some(30));
        assert_eq!(watch.next(s(0)), Next::Wait(Some(s(30))));
        assert_eq!(watch.next(s(30)), Next::LookForChanges(s(0)));
        watch.changed(None, s(31));
        assert_eq!(watch.next(s(31)), Next::Terminate(Outcome::Idle));
    }

    #[test]
    fn output_and_changed_files_keep_it_going() {
        let mut watch = watch(None, Some(30));
        watch.printed(s(10));
        assert_eq!(watch.next(s(30)), Next::Wait(Some(s(40))));
        assert_eq!(watch.next(s(41)), Next::LookForChanges(s(11)));
        watch.changed(Some(s(25)), s(41));
        assert_eq!(watch.next(s(41)), Next::Wait(Some(s(55))));
        assert_eq!(
            watch.next(s(55)),
            Next::LookForChanges(s(25)),
            "a file may have changed since the last look"
        );
        watch.changed(None, s(56));
        assert_eq!(watch.next(s(56)), Next::Terminate(Outcome::Idle));
    }

    #[test]
    fn deadline_comes_before_idleness() {
        let mut watch = watch(Some(20), Some(30));
        assert_eq!(watch.next(s(0)), Next::Wait(Some(s(20))));
        assert_eq!(watch.next(s(40)), Next::Terminate(Outcome::Deadline));
    }

    #[test]
    fn told_to_stop_once_is_gentle_and_twice_is_not() {
        let mut watch = watch(None, None);
        assert_eq!(watch.stop(s(1)), Next::Terminate(Outcome::Stopped));
        assert_eq!(watch.next(s(2)), Next::Wait(Some(s(21))));
        assert_eq!(watch.stop(s(3)), Next::Kill);
        assert_eq!(watch.next(s(30)), Next::Wait(None));
    }

    #[test]
    fn first_reason_to_end_stays_the_reason() {
        let mut watch = watch(Some(5), None);
        watch.next(s(5));
        watch.stop(s(6));
        assert_eq!(watch.ending(), Some(Outcome::Deadline));
    }
}
