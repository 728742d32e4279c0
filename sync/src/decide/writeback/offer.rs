//! What is written to a branch that is not the one that is read.
//!
//! Such a branch is always one commit after the tip of the one that is read, with everything that the Polecats say and is not merged yet. So
//! it can be merged without a conflict, what was merged is gone from it by itself, and nothing has to be remembered or merged here: the
//! Polecats stay for as long as their beads are READY in the branch that is read.

use super::{Done, message};
use crate::git::{Aside, CommitId};

/// Stands in the message of each commit on such a branch: those may be replaced.
const TRAILER: &str = "Written-Back-By: beadlet";

/// What is to become of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It says so already, or there is nothing to say.
    Stands,
    /// A new commit takes its place.
    Replace,
    /// Somebody else made a commit on it.
    Foreign,
}

/// What is to become of a branch that holds `aside`, where `file` is what it is to say after the commit `base`, in which the file is
/// `before`.
#[must_use]
pub fn offer(aside: Option<&Aside>, base: CommitId, before: &[u8], file: &[u8]) -> Offer {
    let Some(aside) = aside else {
        return if file == before {
            Offer::Stands
        } else {
            Offer::Replace
        };
    };
    let holds = |file: &[u8]| aside.file.as_deref() == Some(file);
    let has_nothing_to_say = file == before;
    if aside.commit == base {
        return if has_nothing_to_say {
            Offer::Stands
        } else {
            Offer::Replace
        };
    }
    if !is_ours(aside) {
        return Offer::Foreign;
    }
    let is_after_base = aside.parent == Some(base);
    if holds(file) && (is_after_base || has_nothing_to_say) {
        Offer::Stands
    } else {
        Offer::Replace
    }
}

fn is_ours(aside: &Aside) -> bool {
    aside.message.lines().any(|line| line == TRAILER)
}

/// The message of a commit for such a branch.
#[must_use]
pub fn offered(done: &[Done]) -> String {
    let message = if done.is_empty() {
        "beads: nothing to merge\n".to_owned()
    } else {
        message(done)
    };
    format!("{}\n\n{TRAILER}\n", message.trim_end())
}

#[cfg(test)]
mod tests {
    use beadlet_store::issue::IssueId;
    use jiff::Timestamp;

    use super::super::Deed;
    use super::*;

    fn id(digit: u8) -> CommitId {
        let text: String = std::iter::repeat_n(char::from(b'0' + digit), 40).collect();
        text.parse().unwrap()
    }

    fn aside(parent: u8, message: &str, file: &[u8]) -> Aside {
        Aside {
            commit: id(9),
            parent: Some(id(parent)),
            at: Timestamp::UNIX_EPOCH,
            message: message.to_owned(),
            file: Some(file.to_vec().into()),
        }
    }

    #[test]
    fn branch_is_made_when_there_is_something_to_say() {
        assert_eq!(offer(None, id(1), b"a", b"a"), Offer::Stands);
        assert_eq!(offer(None, id(1), b"a", b"b"), Offer::Replace);
    }

    #[test]
    fn commit_of_ours_stands_for_as_long_as_it_says_what_is_to_be_said() {
        let ours = aside(1, &offered(&[]), b"b");
        assert_eq!(offer(Some(&ours), id(1), b"a", b"b"), Offer::Stands);
        assert_eq!(offer(Some(&ours), id(1), b"a", b"c"), Offer::Replace);
        assert_eq!(offer(Some(&ours), id(2), b"a", b"b"), Offer::Replace);
        // Taken back, and merged.
        assert_eq!(offer(Some(&ours), id(1), b"a", b"a"), Offer::Replace);
        assert_eq!(offer(Some(&ours), id(2), b"b", b"b"), Offer::Stands);
    }

    #[test]
    fn commit_of_somebody_else_is_left_alone() {
        let theirs = aside(1, "Mend a typo", b"b");
        for base in [1, 2] {
            assert_eq!(offer(Some(&theirs), id(base), b"a", b"c"), Offer::Foreign);
        }
        let same = Aside {
            commit: id(1),
            ..theirs
        };
        assert_eq!(offer(Some(&same), id(1), b"a", b"c"), Offer::Replace);
    }

    #[test]
    fn message_tells_whose_the_commit_is() {
        let done = [Done {
            bead: IssueId::new("gt-1").unwrap(),
            deed: Deed::Claimed,
            by: "rig/polecats/nux".to_owned(),
        }];
        assert!(is_ours(&aside(1, &offered(&done), b"")));
        assert!(is_ours(&aside(1, &offered(&[]), b"")));
        assert!(!is_ours(&aside(1, "beads: claim gt-1", b"")));
    }
}
