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
mod tests;
