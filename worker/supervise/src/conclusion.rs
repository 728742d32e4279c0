//! From how a process ended to how the attempt went.

use std::time::Duration;

use crate::contract::{Outcome, Report, Usage, shortened};
use crate::setting::shown;

/// How the agent's process ended, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
}

/// All that is known when the agent has ended.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) exit: Exit,
    /// Why the supervisor asked it to end, if it did.
    pub(crate) ending: Option<Outcome>,
    /// The kernel ended a process of this container for want of memory since the agent started.
    pub(crate) out_of_memory: bool,
    pub(crate) ran_for: Duration,
    pub(crate) usage: Usage,
    /// What the agent reported as its error.
    pub(crate) error: Option<String>,
    /// The last of what it printed.
    pub(crate) last_words: String,
}

/// How the attempt went. An agent that went on after the kernel took one of its processes, and ended well, ended well.
#[must_use]
pub(crate) fn conclusion(evidence: &Evidence) -> Report {
    let ran_for = shown(evidence.ran_for);
    let (outcome, message) = match (evidence.ending, evidence.exit) {
        (Some(Outcome::Deadline), _) => (
            Outcome::Deadline,
            format!("the agent was ended after {ran_for}: its time was over"),
        ),
        (Some(Outcome::Idle), _) => (
            Outcome::Idle,
            format!(
                "the agent was ended after {ran_for}: it printed nothing and changed no file for too long"
            ),
        ),
        (Some(outcome), _) => (
            outcome,
            format!("the agent was told to stop after {ran_for}"),
        ),
        (None, Exit::Code(0)) => match &evidence.error {
            None => (Outcome::Done, String::new()),
            Some(error) => (
                Outcome::AgentFailed,
                format!(
                    "the agent ended well but reported an error: {}",
                    excerpt(error)
                ),
            ),
        },
        (None, exit) if evidence.out_of_memory => (
            Outcome::OutOfMemory,
            format!(
                "the container ran out of memory, and {}: give the agent more, or less to do",
                ended(exit)
            ),
        ),
        (None, exit) => (Outcome::AgentFailed, with_reason(&ended(exit), evidence)),
    };
    Report::new(outcome, message).with_usage(evidence.usage)
}

fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("the agent ended with exit code {code}"),
        Exit::Signal(signal) => format!("the agent was ended by signal {signal}"),
    }
}

fn with_reason(ended: &str, evidence: &Evidence) -> String {
    let reason = evidence
        .error
        .as_deref()
        .unwrap_or(evidence.last_words.trim());
    if reason.is_empty() {
        ended.to_owned()
    } else {
        format!("{ended}: {}", excerpt(reason))
    }
}

fn excerpt(text: &str) -> String {
    shortened(text.trim(), 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(exit: Exit) -> Evidence {
        Evidence {
            exit,
            ending: None,
            out_of_memory: false,
            ran_for: Duration::from_secs(90),
            usage: Usage {
                tokens: None,
                cost: Some(0.5),
            },
            error: None,
            last_words: String::new(),
        }
    }

    #[test]
    fn good_end_is_done_and_keeps_the_usage() {
        let report = conclusion(&evidence(Exit::Code(0)));
        assert_eq!(
            (report.outcome, report.message.as_str(), report.usage.cost),
            (Outcome::Done, "", Some(0.5))
        );
    }

    #[test]
    fn good_end_with_a_reported_error_failed() {
        let report = conclusion(&Evidence {
            error: Some("no such model".into()),
            ..evidence(Exit::Code(0))
        });
        assert_eq!(report.outcome, Outcome::AgentFailed);
        assert!(report.message.ends_with("no such model"));
    }

    #[test]
    fn bad_end_says_the_code_and_the_last_words() {
        let report = conclusion(&Evidence {
            last_words: "boom\n".into(),
            ..evidence(Exit::Code(3))
        });
        assert_eq!(
            report,
            Report {
                message: "the agent ended with exit code 3: boom".into(),
                ..Report::new(Outcome::AgentFailed, "")
            }
            .with_usage(report.usage)
        );
    }

    #[test]
    fn reported_error_says_more_than_the_last_words() {
        let report = conclusion(&Evidence {
            last_words: "noise".into(),
            error: Some("401".into()),
            ..evidence(Exit::Code(1))
        });
        assert_eq!(report.message, "the agent ended with exit code 1: 401");
    }

    #[test]
    fn agent_killed_by_the_kernel_ran_out_of_memory() {
        let report = conclusion(&Evidence {
            out_of_memory: true,
            ..evidence(Exit::Signal(9))
        });
        assert_eq!(report.outcome, Outcome::OutOfMemory);
        let survivor = conclusion(&Evidence {
            out_of_memory: true,
            ..evidence(Exit::Code(0))
        });
        assert_eq!(survivor.outcome, Outcome::Done);
    }

    #[test]
    fn agent_killed_by_another_hand_failed() {
        let report = conclusion(&evidence(Exit::Signal(9)));
        assert_eq!(
            (report.outcome, report.message.as_str()),
            (Outcome::AgentFailed, "the agent was ended by signal 9")
        );
    }

    #[test]
    fn agent_that_was_asked_to_end_ended_for_that_reason_whatever_it_says() {
        for ending in [Outcome::Deadline, Outcome::Idle, Outcome::Stopped] {
            for exit in [Exit::Code(0), Exit::Code(1), Exit::Signal(9)] {
                let report = conclusion(&Evidence {
                    ending: Some(ending),
                    out_of_memory: true,
                    ..evidence(exit)
                });
                assert_eq!(report.outcome, ending);
                assert!(report.message.contains("1m30s"), "{}", report.message);
            }
        }
    }
}
