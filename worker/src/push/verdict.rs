//! From how the agent ended and what became of its work to the pod's last word.

use beadlet_supervise::contract::{ExitCode, Outcome, Report, Work};

/// What became of the work.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// There was none.
    Nothing,
    /// It is on its branch.
    Pushed(Work),
    /// It could not go on its branch, and is on another one.
    Beside {
        work: Work,
        why: String,
        code: ExitCode,
    },
    /// It is not on the server.
    Lost { why: String, code: ExitCode },
}

/// The report and the code of `git-push`. `remarks` are about files that were left out.
pub(super) fn verdict(agent: Report, fate: Fate, remarks: &str) -> (Report, ExitCode) {
    let usage = agent.usage;
    let (report, code) = match fate {
        Fate::Nothing if agent.outcome == Outcome::Done => (
            Report::new(
                Outcome::NoChanges,
                "the agent ended well and changed nothing",
            ),
            ExitCode::NoChanges,
        ),
        Fate::Nothing => (agent, ExitCode::Success),
        Fate::Pushed(work) => (agent.with_work(work), ExitCode::Success),
        Fate::Beside { work, why, code } => (failed(&agent, &why).with_work(work), code),
        Fate::Lost { why, code } => (failed(&agent, &why), code),
    };
    let message = joined(&report.message, remarks);
    (Report { message, ..report }.with_usage(usage), code)
}

/// A failed push comes before what the agent said, which stays in the message.
fn failed(agent: &Report, why: &str) -> Report {
    Report::new(Outcome::PushFailed, joined(why, &agent.message))
}

fn joined(first: &str, second: &str) -> String {
    [first, second]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use beadlet_supervise::contract::Usage;

    use super::*;

    fn agent(outcome: Outcome) -> Report {
        let message = if outcome == Outcome::Done { "" } else { "boom" };
        Report::new(outcome, message).with_usage(Usage {
            tokens: None,
            cost: Some(0.5),
        })
    }

    fn work() -> Work {
        Work {
            branch: "polecat/a".into(),
            commit: "c".repeat(40),
            files: 1,
            insertions: 2,
            deletions: 3,
        }
    }

    #[test]
    fn pushed_work_of_an_agent_that_ended_well_is_done() {
        let (report, code) = verdict(agent(Outcome::Done), Fate::Pushed(work()), "");
        assert_eq!(
            (report.outcome, report.work, report.usage.cost, code),
            (Outcome::Done, Some(work()), Some(0.5), ExitCode::Success)
        );
    }

    #[test]
    fn agent_that_ended_well_without_changes_made_none() {
        let (report, code) = verdict(agent(Outcome::Done), Fate::Nothing, "");
        assert_eq!(
            (report.outcome, code, report.usage.cost),
            (Outcome::NoChanges, ExitCode::NoChanges, Some(0.5))
        );
    }

    #[test]
    fn pushed_work_of_an_agent_that_failed_stays_a_failure_of_the_agent() {
        for outcome in [
            Outcome::AgentFailed,
            Outcome::Deadline,
            Outcome::Idle,
            Outcome::OutOfMemory,
            Outcome::Stopped,
        ] {
            for fate in [Fate::Nothing, Fate::Pushed(work())] {
                let (report, code) = verdict(agent(outcome), fate, "");
                assert_eq!(
                    (report.outcome, report.message.as_str(), code),
                    (outcome, "boom", ExitCode::Success)
                );
            }
        }
    }

    #[test]
    fn work_beside_its_branch_is_a_failed_push_that_says_where_it_is() {
        let fate = Fate::Beside {
            work: work(),
            why: "someone moved it".into(),
            code: ExitCode::BranchMoved,
        };
        let (report, code) = verdict(agent(Outcome::AgentFailed), fate, "");
        assert_eq!(
            (report.outcome, report.work, code),
            (Outcome::PushFailed, Some(work()), ExitCode::BranchMoved)
        );
        assert_eq!(report.message, "someone moved it; boom");
    }

    #[test]
    fn lost_work_is_a_failed_push() {
        let (report, code) = verdict(
            agent(Outcome::Done),
            Fate::Lost {
                why: "no route".into(),
                code: ExitCode::PushFailed,
            },
            "r",
        );
        assert_eq!(
            (report.outcome, report.message.as_str(), code),
            (Outcome::PushFailed, "no route; r", ExitCode::PushFailed)
        );
    }
}
