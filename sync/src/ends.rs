//! How the end of a round goes into the report, the conditions and the log.

use std::time::Instant;

use beadlet_store::reader::Warning;
use jiff::Timestamp;

use crate::chance::chance;
use crate::condition::{Conditions, Urgency};
use crate::decide::conclude::{End, conclude, lines, names};
use crate::pass::Findings;
use crate::report::{Bounded, Outcome, Pass, Revision, Writes};
use crate::state::{PassedStep, State, Trouble};
use crate::triggers::{Fired, Trigger};

impl State {
    /// Notes that nothing is done. Gives whether that is news.
    pub(crate) fn suspend(&mut self) -> bool {
        let before = self.report.conditions.clone();
        self.retry_at = None;
        conclude(
            &mut self.report.conditions,
            &End::Suspended,
            Timestamp::now(),
        );
        log_transitions(&before, &self.report.conditions);
        before != self.report.conditions
    }

    pub(crate) fn end_current(&mut self, fired: Fired, started: Instant) -> bool {
        let before = self.report.conditions.clone();
        self.succeed();
        self.note(
            fired,
            started,
            Outcome::Unchanged,
            Writes::default(),
            self.report.mirrored,
        );
        log_transitions(&before, &self.report.conditions);
        before != self.report.conditions
    }

    pub(crate) fn end_passed(
        &mut self,
        fired: Fired,
        started: Instant,
        passed: PassedStep,
    ) -> bool {
        let before = self.report.conditions.clone();
        let PassedStep {
            snapshot,
            newest,
            findings,
            applied,
        } = passed;
        let (held, terminating) = (
            findings.held.clone(),
            findings.terminating + applied.terminating,
        );
        self.report.mirrored = self.observed().map_or(0, |o| o.ours());
        self.report.failures = applied.failures;
        if newest {
            self.learn_lines(&findings);
        }
        let unchanged = findings.unchanged;
        if held.is_none() {
            let revision = Revision {
                commit: snapshot.commit,
                committed_at: snapshot.committed_at,
                branch: snapshot.branch,
                path: snapshot.path,
                dolt_commit: findings.dolt_commit.clone(),
            };
            self.learn_contents(revision, findings);
        }
        let failures = self.report.failures.clone();
        let outcome = match (&held, &applied.stopped_by) {
            (Some((reason, message)), _) => self.fail(&End::Held {
                reason: *reason,
                message,
            }),
            (None, Some(fault)) => self.fail(&End::Cluster {
                fault,
                left: applied.left,
            }),
            _ if !failures.is_empty() => self.fail(&End::Objects(&failures)),
            _ if terminating > 0 => self.fail(&End::Terminating(terminating)),
            _ => self.succeed_with(applied.writes),
        };
        self.note(fired, started, outcome, applied.writes, unchanged);
        log_transitions(&before, &self.report.conditions);
        true
    }

    pub(crate) fn end_trouble(
        &mut self,
        fired: Fired,
        started: Instant,
        trouble: &Trouble,
    ) -> bool {
        let before = self.report.conditions.clone();
        let outcome = match trouble {
            Trouble::Source(error) => self.fail(&End::Source {
                reason: error.reason(),
                message: error.to_string(),
                transient: error.is_transient(),
            }),
            Trouble::Cluster(fault) => self.fail(&End::Cluster { fault, left: 0 }),
            Trouble::Broken(broken) => self.fail(&End::Broken {
                message: broken.to_string(),
            }),
        };
        self.note(fired, started, outcome, Writes::default(), 0);
        log_transitions(&before, &self.report.conditions);
        true
    }

    /// What the lines of the newest revision are worth.
    fn learn_lines(&mut self, findings: &Findings) {
        let now = Timestamp::now();
        self.report.rejected = findings.rejected.clone();
        if self.report.warnings != findings.warnings {
            self.report.warnings = findings.warnings.clone();
            log_warnings(&self.report.warnings);
        }
        let first = findings
            .rejected
            .first
            .first()
            .map(|r| (r.line, r.message.as_str()));
        lines(
            &mut self.report.conditions,
            findings.rejected.total,
            first,
            now,
        );
    }

    /// What the cluster shows by now.
    fn learn_contents(&mut self, revision: Revision, findings: Findings) {
        self.report.revision = Some(revision);
        self.report.contents = findings.contents;
        self.report.next_change = findings.next_change;
        // Those that the plan knew of, and those that a write ran into.
        self.report.foreign = self.foreign().into_iter().map(String::from).collect();
        names(
            &mut self.report.conditions,
            &self.report.foreign,
            Timestamp::now(),
        );
    }

    fn succeed_with(&mut self, writes: Writes) -> Outcome {
        self.succeed();
        if writes.done() > 0 {
            Outcome::Changed
        } else {
            Outcome::Unchanged
        }
    }

    /// Everything is as it should be, but a newer revision may be refused.
    fn succeed(&mut self) {
        let now = Timestamp::now();
        self.pace.succeed();
        self.retry_at = None;
        self.report.first_good_pass = true;
        let end = match (&self.refused, &self.report.revision) {
            (Some(refused), _) => End::Held {
                reason: refused.reason,
                message: &refused.message,
            },
            (None, revision) => {
                self.report.behind_since = None;
                End::Good {
                    commit: revision
                        .as_ref()
                        .map(|r| r.commit.to_string())
                        .unwrap_or_default(),
                    issues: self.report.contents.issues - self.report.contents.retired,
                }
            }
        };
        conclude(&mut self.report.conditions, &end, now);
    }

    /// Something is not as it should be. What waits for a person's commit is not tried again by itself.
    fn fail(&mut self, end: &End<'_>) -> Outcome {
        if matches!(end, End::Held { .. }) {
            self.pace.succeed();
            self.retry_at = None;
        } else {
            self.retry_at = Some(Instant::now() + self.pace.fail(chance()));
        }
        conclude(&mut self.report.conditions, end, Timestamp::now());
        Outcome::Failed
    }

    fn note(
        &mut self,
        fired: Fired,
        started: Instant,
        outcome: Outcome,
        writes: Writes,
        unchanged: usize,
    ) {
        let pass = Pass {
            outcome,
            fired,
            writes,
            unchanged,
            duration: started.elapsed(),
            ended_at: Timestamp::now(),
        };
        self.report.last_pass = Some(pass);
        let totals = &mut self.report.totals;
        match outcome {
            Outcome::Changed => totals.changed += 1,
            Outcome::Unchanged => totals.unchanged += 1,
            Outcome::Failed => totals.failed += 1,
        }
        totals.writes.created += writes.created;
        totals.writes.updated += writes.updated;
        totals.writes.deleted += writes.deleted;
        totals.writes.failed += writes.failed;
        if fired.contains(Trigger::Drift) {
            totals.repaired += writes.done() as u64;
        }
        log_pass(&pass);
    }
}

/// Once for as long as they stay the same; a `--once` has no other place to say them.
fn log_warnings(warnings: &Bounded<Warning>) {
    let Some(Warning { line, message }) = warnings.first.first() else {
        return;
    };
    let first = match line {
        0 => message.clone(),
        line => format!("line {line}: {message}"),
    };
    tracing::warn!(
        oddities = warnings.total,
        first,
        "the issue file is odd in places; `beadlet check` lists them"
    );
}

fn log_pass(pass: &Pass) {
    let Pass {
        outcome,
        fired,
        writes,
        unchanged,
        duration,
        ended_at: _,
    } = pass;
    let Writes {
        created,
        updated,
        deleted,
        failed,
    } = writes;
    let (outcome, ms) = (outcome.as_str(), duration.as_millis());
    match pass.outcome {
        Outcome::Changed => {
            tracing::info!(
                outcome,
                ?fired,
                created,
                updated,
                deleted,
                unchanged,
                ms,
                "pass ended"
            );
        }
        Outcome::Unchanged => tracing::debug!(outcome, ?fired, unchanged, ms, "pass ended"),
        Outcome::Failed => {
            tracing::warn!(
                outcome,
                ?fired,
                created,
                updated,
                deleted,
                failed,
                ms,
                "pass ended"
            );
        }
    }
}

fn log_transitions(before: &Conditions, after: &Conditions) {
    for (urgency, change) in after.news_since(before) {
        let (condition, status, reason) =
            (change.type_.as_str(), change.status, change.reason.as_str());
        let detail = change.message;
        match urgency {
            Urgency::Info => {
                tracing::info!(condition, status, reason, detail, "condition changed");
            }
            Urgency::Warn => {
                tracing::warn!(condition, status, reason, detail, "condition changed");
            }
            Urgency::Error => {
                tracing::error!(condition, status, reason, detail, "condition changed");
            }
        }
    }
}
