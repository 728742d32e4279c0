//! Which branch of the repository holds the issues.
//!
//! The configured one, else `sync-branch` of `.beads/config.yaml` at HEAD, else [`SYNC_BRANCH`] where it exists, else HEAD.
//! A branch that somebody named and that is not there is an error: falling back to another one would mirror an old file.

use std::collections::BTreeMap;
use std::fmt;

use crate::git::CommitId;

/// Where trackers up to 0.49 keep the issues when told to keep them off the main branch.
pub const SYNC_BRANCH: &str = "beads-sync";

/// The ref under which newer trackers keep data that only Dolt can read.
pub const DOLT_DATA: &str = "refs/dolt/data";

const CLOSEST: usize = 5;

/// The refs of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refs {
    pub head: Option<Head>,
    /// By full name. A peeled tag stands under its name with `^{}` behind it, as servers advertise it.
    pub by_name: BTreeMap<String, CommitId>,
}

/// What HEAD is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The full name of the ref it points to, unless it is detached.
    pub reference: Option<String>,
    pub commit: CommitId,
}

/// The branch to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The full name of the ref, or `HEAD`.
    pub reference: String,
    pub commit: CommitId,
}

impl Choice {
    /// Without `refs/heads/`; any other ref with its full name.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.reference
            .strip_prefix("refs/heads/")
            .unwrap_or(&self.reference)
    }
}

/// Who asked for a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    Settings,
    TrackerConfig,
}

impl fmt::Display for AskedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "the settings",
            Self::TrackerConfig => "sync-branch of .beads/config.yaml at HEAD",
        })
    }
}

/// Why there is no branch to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    #[error("the repository has no branch yet: push a commit")]
    Empty,
    #[error(
        "branch {branch:?}, which stands in {asked_by}, does not exist: push it or name another one{}",
        closest_text(closest)
    )]
    Missing {
        branch: String,
        asked_by: AskedBy,
        closest: Vec<String>,
    },
    #[error(
        "HEAD of the repository points to a branch that does not exist: mend HEAD on the server or name a branch{}",
        closest_text(closest)
    )]
    NoHead { closest: Vec<String> },
}

fn closest_text(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(" (there is {})", names.join(", "))
    }
}

/// The full names under which `branch` may stand, best first.
#[must_use]
pub fn candidates(branch: &str) -> Vec<String> {
    if branch == "HEAD" || branch.starts_with("refs/") {
        return vec![branch.to_owned()];
    }
    // A clone that somebody else keeps (git-sync, a cron job) may have the branch only as one of its remote.
    vec![
        format!("refs/heads/{branch}"),
        format!("refs/remotes/origin/{branch}"),
        format!("refs/remotes/{branch}"),
    ]
}

/// The branch to read.
///
/// # Errors
/// When a branch that was named does not exist, or none was named and HEAD leads nowhere.
pub fn branch(
    configured: Option<&str>,
    sync_branch: Option<&str>,
    refs: &Refs,
) -> Result<Choice, BranchError> {
    if refs.by_name.is_empty() && refs.head.is_none() {
        return Err(BranchError::Empty);
    }
    let named = configured
        .map(|name| (name, AskedBy::Settings))
        .or(sync_branch.map(|name| (name, AskedBy::TrackerConfig)));
    match named {
        Some((name, asked_by)) => find(name, refs).ok_or_else(|| BranchError::Missing {
            branch: name.to_owned(),
            asked_by,
            closest: closest(name, refs),
        }),
        None => find(SYNC_BRANCH, refs)
            .or_else(|| find("HEAD", refs))
            .ok_or_else(|| BranchError::NoHead {
                closest: closest("main", refs),
            }),
    }
}

fn find(branch: &str, refs: &Refs) -> Option<Choice> {
    candidates(branch).into_iter().find_map(|name| {
        if name == "HEAD" {
            let head = refs.head.as_ref()?;
            let reference = head.reference.clone().unwrap_or(name);
            return Some(Choice {
                reference,
                commit: head.commit,
            });
        }
        let commit = refs
            .by_name
            .get(&format!("{name}^{{}}"))
            .or_else(|| refs.by_name.get(&name))?;
        Some(Choice {
            reference: name,
            commit: *commit,
        })
    })
}

fn closest(wanted: &str, refs: &Refs) -> Vec<String> {
    let wanted = wanted.strip_prefix("refs/heads/").unwrap_or(wanted);
    let mut names: Vec<_> = refs
        .by_name
        .keys()
        .filter_map(|name| name.strip_prefix("refs/heads/"))
        .map(|name| (distance(wanted, name), name))
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .take(CLOSEST)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// How many characters must be put in, taken out or changed to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, left) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in to.iter().enumerate() {
            let changed = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn refs(names: &[&str]) -> Refs {
        Refs {
            head: Some(Head {
                reference: Some("refs/heads/main".to_owned()),
                commit: commit('1'),
            }),
            by_name: names
                .iter()
                .map(|name| ((*name).to_owned(), commit('2')))
                .collect(),
        }
    }

    fn chosen(configured: Option<&str>, sync_branch: Option<&str>, refs: &Refs) -> String {
        branch(configured, sync_branch, refs)
            .unwrap()
            .branch()
            .to_owned()
    }

    #[test]
    fn configured_branch_goes_before_all_others() {
        let refs = refs(&[
            "refs/heads/main",
            "refs/heads/beads-sync",
            "refs/heads/tracker",
            "refs/heads/work",
        ]);
        assert_eq!(chosen(Some("work"), Some("tracker"), &refs), "work");
        assert_eq!(chosen(None, Some("tracker"), &refs), "tracker");
        assert_eq!(chosen(None, None, &refs), "beads-sync");
    }

    #[test]
    fn head_is_read_where_nothing_else_is_said() {
        let refs = refs(&["refs/heads/main"]);
        assert_eq!(
            branch(None, None, &refs).unwrap(),
            Choice {
                reference: "refs/heads/main".to_owned(),
                commit: commit('1'),
            }
        );
        assert_eq!(chosen(Some("HEAD"), None, &refs), "main");
    }

    #[test]
    fn detached_head_is_called_head() {
        let refs = Refs {
            head: Some(Head {
                reference: None,
                commit: commit('3'),
            }),
            ..Refs::default()
        };
        assert_eq!(chosen(None, None, &refs), "HEAD");
    }

    #[test]
    fn annotated_tag_means_the_commit_it_points_to() {
        let mut refs = refs(&["refs/tags/v1"]);
        refs.by_name
            .insert("refs/tags/v1^{}".to_owned(), commit('4'));
        let choice = branch(Some("refs/tags/v1"), None, &refs).unwrap();
        assert_eq!(
            (choice.branch(), choice.commit),
            ("refs/tags/v1", commit('4'))
        );
    }

    #[test]
    fn branch_of_the_remote_is_found_in_a_clone_that_somebody_else_keeps() {
        let refs = refs(&["refs/remotes/origin/beads-sync"]);
        assert_eq!(chosen(None, None, &refs), "refs/remotes/origin/beads-sync");
        assert_eq!(
            chosen(Some("origin/beads-sync"), None, &refs),
            "refs/remotes/origin/beads-sync"
        );
    }

    #[test]
    fn absent_branch_is_answered_with_the_closest_ones() {
        let refs = refs(&[
            "refs/heads/main",
            "refs/heads/beads-sync",
            "refs/heads/zebra",
            "refs/pull/1/head",
        ]);
        let error = branch(Some("beads_sync"), None, &refs).unwrap_err();
        assert_eq!(
            error.to_string(),
            "branch \"beads_sync\", which stands in the settings, does not exist: \
             push it or name another one (there is beads-sync, main, zebra)"
        );
    }

    #[test]
    fn absent_sync_branch_of_the_tracker_never_falls_back() {
        let refs = refs(&["refs/heads/main", "refs/heads/beads-sync"]);
        assert!(matches!(
            branch(None, Some("gone"), &refs),
            Err(BranchError::Missing {
                asked_by: AskedBy::TrackerConfig,
                ..
            })
        ));
    }

    #[test]
    fn repository_without_a_commit_is_told_apart_from_a_broken_head() {
        assert_eq!(
            branch(None, None, &Refs::default()),
            Err(BranchError::Empty)
        );
        let renamed = Refs {
            head: None,
            ..refs(&["refs/heads/trunk"])
        };
        assert_eq!(
            branch(None, None, &renamed),
            Err(BranchError::NoHead {
                closest: vec!["trunk".to_owned()]
            })
        );
    }

    #[test]
    fn distance_counts_single_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("main", "main"), 0);
    }
}
