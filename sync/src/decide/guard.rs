//! Whether a revision may change the cluster, or waits for a person.
//!
//! A revision waits as a whole. Its creations and updates are as doubtful as its deletions: READY is computed from the whole
//! file, and an issue whose blocker is gone from it would be started.

use beadlet_store::reader::Rejected;

use crate::condition::Reason;
use crate::settings::{Prune, RejectedLines};

/// A revision and what it would do.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// The commit's id.
    pub commit: &'a str,
    /// Issues and tombstones of the file.
    pub records: usize,
    /// Lines that could not be read.
    pub rejected: &'a [Rejected],
    /// Objects of ours before the pass.
    pub mirrored: usize,
    /// Objects that would go because the file does not have their issue any more; not those that merely grew old.
    pub deletions: usize,
}

/// What a person has decided.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub prune: Prune,
    pub rejected_lines: RejectedLines,
    /// The commit whose deletions are wanted.
    pub allow_delete: Option<&'a str>,
}

/// What becomes of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Apply,
    /// Lines that could not be read are not taken for deletions.
    ApplyWithoutDeletions,
    /// The last good state stays.
    Held {
        reason: Reason,
        message: String,
    },
}

/// The digits of a commit id that a person must give at least.
const MIN_PREFIX: usize = 7;

/// Decides by the rules.
#[must_use]
pub fn guard(proposal: &Proposal<'_>, rules: &Rules<'_>) -> Verdict {
    if !proposal.rejected.is_empty() {
        return match rules.rejected_lines {
            RejectedLines::KeepLastGood => held(Reason::LinesRejected, rejected_message(proposal)),
            RejectedLines::Skip => Verdict::ApplyWithoutDeletions,
        };
    }
    if is_allowed(proposal.commit, rules.allow_delete) {
        return Verdict::Apply;
    }
    if proposal.records == 0 && proposal.mirrored > 0 {
        return held(Reason::EmptyFile, empty_message(proposal));
    }
    if is_too_many(proposal, rules.prune) {
        return held(
            Reason::TooManyDeletions,
            deletions_message(proposal, rules.prune),
        );
    }
    Verdict::Apply
}

/// Whether `allowed` names `commit`: the whole id or its first digits, in either case.
#[must_use]
pub fn is_allowed(commit: &str, allowed: Option<&str>) -> bool {
    let Some(allowed) = allowed.map(str::trim).filter(|a| a.len() >= MIN_PREFIX) else {
        return false;
    };
    commit
        .get(..allowed.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(allowed))
}

fn is_too_many(proposal: &Proposal<'_>, prune: Prune) -> bool {
    let share = proposal.deletions as u128 * 100;
    proposal.deletions > prune.min_deletes
        && share > u128::from(prune.max_delete_percent) * proposal.mirrored as u128
}

fn held(reason: Reason, message: String) -> Verdict {
    Verdict::Held { reason, message }
}

fn rejected_message(proposal: &Proposal<'_>) -> String {
    let shown: Vec<_> = proposal
        .rejected
        .iter()
        .take(5)
        .map(|r| format!("line {}: {}", r.line, r.message))
        .collect();
    let more = match proposal.rejected.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "commit {} has lines that cannot be read, and waits until they are mended: {}{more}",
        short(proposal.commit),
        shown.join("; ")
    )
}

fn empty_message(proposal: &Proposal<'_>) -> String {
    format!(
        "the file is empty in commit {}, and {} issues are mirrored; they stay. If they are to be deleted, allow it: {}",
        short(proposal.commit),
        proposal.mirrored,
        how_to_allow(proposal.commit)
    )
}

fn deletions_message(proposal: &Proposal<'_>, prune: Prune) -> String {
    format!(
        "commit {} would delete {} of {} issues, more than {} % and more than {}, and waits. If that is meant, allow it: {}",
        short(proposal.commit),
        proposal.deletions,
        proposal.mirrored,
        prune.max_delete_percent,
        prune.min_deletes,
        how_to_allow(proposal.commit)
    )
}

fn how_to_allow(commit: &str) -> String {
    let key = beadlet_store::keys::annotation::ALLOW_DELETE;
    format!("annotate the BeadStore with {key}={commit}, or run with --allow-delete={commit}")
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use beadlet_store::reader::RejectReason;
    use proptest::prelude::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn verdict(
        records: usize,
        mirrored: usize,
        deletions: usize,
        allow_delete: Option<&str>,
    ) -> Verdict {
        let proposal = Proposal {
            commit: COMMIT,
            records,
            rejected: &[],
            mirrored,
            deletions,
        };
        let rules = Rules {
            prune: Prune::default(),
            rejected_lines: RejectedLines::KeepLastGood,
            allow_delete,
        };
        guard(&proposal, &rules)
    }

    fn reason(verdict: &Verdict) -> Option<Reason> {
        match verdict {
            Verdict::Held { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    #[test]
    fn a_fifth_of_the_issues_may_go_and_not_one_more() {
        assert_eq!(verdict(80, 100, 20, None), Verdict::Apply);
        assert_eq!(
            reason(&verdict(79, 100, 21, None)),
            Some(Reason::TooManyDeletions)
        );
    }

    #[test]
    fn ten_issues_may_always_go() {
        assert_eq!(verdict(2, 12, 10, None), Verdict::Apply);
        assert_eq!(
            reason(&verdict(1, 12, 11, None)),
            Some(Reason::TooManyDeletions)
        );
    }

    #[test]
    fn an_empty_file_waits_however_few_issues_there_were() {
        assert_eq!(reason(&verdict(0, 1, 1, None)), Some(Reason::EmptyFile));
        assert_eq!(verdict(0, 0, 0, None), Verdict::Apply);
    }

    #[test]
    fn a_person_lets_one_commit_through() {
        assert_eq!(verdict(0, 100, 100, Some(COMMIT)), Verdict::Apply);
        assert_eq!(verdict(1, 100, 99, Some("0123456")), Verdict::Apply);
        assert_eq!(
            verdict(1, 100, 99, Some(" 0123456789ABCDEF ")),
            Verdict::Apply
        );
        for not_this in ["012345", "", "1123456", &format!("{COMMIT}0")] {
            assert_eq!(
                reason(&verdict(1, 100, 99, Some(not_this))),
                Some(Reason::TooManyDeletions),
                "{not_this}"
            );
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_never_deletes() {
        let rejected = [Rejected {
            line: 7,
            reason: RejectReason::NotJson,
            message: "not JSON".into(),
            id: None,
        }];
        let proposal = Proposal {
            commit: COMMIT,
            records: 1,
            rejected: &rejected,
            mirrored: 2,
            deletions: 1,
        };
        let rules = |rejected_lines| Rules {
            prune: Prune::default(),
            rejected_lines,
            allow_delete: Some(COMMIT),
        };
        assert_eq!(
            guard(&proposal, &rules(RejectedLines::Skip)),
            Verdict::ApplyWithoutDeletions
        );
        let Verdict::Held { reason, message } =
            guard(&proposal, &rules(RejectedLines::KeepLastGood))
        else {
            panic!("the revision was let through");
        };
        assert_eq!(reason, Reason::LinesRejected);
        assert!(message.contains("line 7: not JSON"), "{message}");
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_within_one_of_the_bounds(mirrored in 0usize..5000, deletions in 0usize..5000) {
            let deletions = deletions.min(mirrored);
            if verdict(1, mirrored, deletions, None) == Verdict::Apply {
                prop_assert!(deletions <= 10 || deletions * 5 <= mirrored);
            } else {
                prop_assert!(deletions > 10 && deletions * 5 > mirrored);
            }
        }
    }
}
