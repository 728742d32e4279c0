//! Which file of a commit holds the issues.
//!
//! The configured one, else the first that exists of: `export.path` of the tracker's configuration, `issues.jsonl`,
//! `beads.jsonl`, `export.jsonl`, all in `.beads` or where a committed `.beads/redirect` leads.

use std::fmt;
use std::str::FromStr;

use crate::git::CommitId;

/// A path inside a tree: relative, without `.`, `..` or empty parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

/// Why a text is not a path inside a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreePathError {
    #[error("the path is empty")]
    Empty,
    #[error("path {0:?} is absolute: write it from the top of the repository")]
    Absolute(String),
    #[error("path {0:?} leads out of the repository")]
    Outside(String),
    #[error("path {0:?} holds a control character")]
    Control(String),
}

impl TreePath {
    /// Where the tracker keeps its files.
    #[must_use]
    pub fn beads() -> Self {
        Self(".beads".to_owned())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn join(&self, below: &str) -> Result<Self, TreePathError> {
        format!("{}/{below}", self.0).parse()
    }

    fn file(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TreePath {
    type Err = TreePathError;

    fn from_str(text: &str) -> Result<Self, TreePathError> {
        if text.starts_with('/') {
            return Err(TreePathError::Absolute(text.to_owned()));
        }
        if text.chars().any(char::is_control) {
            return Err(TreePathError::Control(text.to_owned()));
        }
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts
                        .pop()
                        .ok_or_else(|| TreePathError::Outside(text.to_owned()))?;
                }
                name => parts.push(name),
            }
        }
        if parts.is_empty() {
            Err(TreePathError::Empty)
        } else {
            Ok(Self(parts.join("/")))
        }
    }
}

/// What stands at a path of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<F> {
    Nothing,
    File(F),
    Directory,
    /// The path itself, or the folder on the way to it that is named.
    Symlink {
        at: String,
        target: String,
    },
    Submodule {
        at: String,
    },
}

/// Why a commit has no issue file that could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("setting for the path: {0}")]
    Setting(TreePathError),
    #[error(".beads/redirect: {0}: mend it or set the path")]
    Redirect(TreePathError),
    #[error(
        "no issue file at {commit} on {branch} (looked for {}){}: {}",
        list(looked_for),
        others_text(others),
        ABSENT_HELP
    )]
    Absent {
        commit: CommitId,
        branch: String,
        looked_for: Vec<TreePath>,
        others: Vec<String>,
    },
    #[error("{path} is a directory: set the path to the file in it")]
    Directory { path: TreePath },
    #[error(
        "{at} is a symbolic link to {target:?}, which is not followed: set the path to the file itself"
    )]
    Symlink { at: String, target: String },
    #[error("{at} is a submodule: point the source at that repository instead")]
    Submodule { at: String },
    #[error(
        "the tracker keeps its issues in Dolt only (refs/dolt/data) and {branch} has no issue file (looked for {}): \
         set export.auto: true and export.git-add: true in .beads/config.yaml, then commit and push",
        list(looked_for)
    )]
    DoltOnly {
        branch: String,
        looked_for: Vec<TreePath>,
    },
}

const ABSENT_HELP: &str = "export and commit it, or set the path or the branch";

fn list(paths: &[TreePath]) -> String {
    paths
        .iter()
        .map(TreePath::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

fn others_text(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("; there is {}", names.join(", "))
    }
}

/// Where `.beads/redirect` leads. `None` when it holds nothing but comments. The path in it starts at the folder that holds `.beads`,
/// which in a commit is the top; it must stay inside, and a redirect at its end is not followed.
///
/// # Errors
/// When it leads out of the repository or is no path.
pub fn redirected(content: &[u8]) -> Result<Option<TreePath>, PathError> {
    String::from_utf8_lossy(content)
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.parse().map_err(PathError::Redirect))
        .transpose()
}

/// Where to look, in this order. `export_path` starts at the folder of the tracker; one that leads out of the repository is passed over,
/// as the tracker that wrote there did not write into this commit.
///
/// # Errors
/// When `configured` is not a path inside the repository.
pub fn candidates(
    configured: Option<&str>,
    beads: &TreePath,
    export_path: Option<&str>,
) -> Result<Vec<TreePath>, PathError> {
    if let Some(text) = configured {
        return text
            .parse()
            .map(|path| vec![path])
            .map_err(PathError::Setting);
    }
    let mut paths: Vec<_> = export_path
        .filter(|path| !path.starts_with('/'))
        .and_then(|path| beads.join(path).ok())
        .into_iter()
        .collect();
    for name in ["issues.jsonl", "beads.jsonl", "export.jsonl"] {
        let path = beads.file(name);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// What is known of a commit beside the entries.
#[derive(Clone, Debug)]
pub struct About {
    pub branch: String,
    pub commit: CommitId,
    /// The repository has [`super::branch::DOLT_DATA`].
    pub dolt: bool,
    /// Other files that look like issue files.
    pub others: Vec<String>,
}

/// The file to read: the first candidate at which anything stands.
///
/// # Errors
/// When that is not a file, or nothing stands at any of them.
pub fn path<F>(
    entries: Vec<(TreePath, Entry<F>)>,
    about: About,
) -> Result<(TreePath, F), PathError> {
    let mut looked_for = Vec::new();
    for (path, entry) in entries {
        match entry {
            Entry::File(file) => return Ok((path, file)),
            Entry::Directory => return Err(PathError::Directory { path }),
            Entry::Symlink { at, target } => return Err(PathError::Symlink { at, target }),
            Entry::Submodule { at } => return Err(PathError::Submodule { at }),
            Entry::Nothing => looked_for.push(path),
        }
    }
    let About {
        branch,
        commit,
        dolt,
        others,
    } = about;
    Err(if dolt && others.is_empty() {
        PathError::DoltOnly { branch, looked_for }
    } else {
        PathError::Absent {
            commit,
            branch,
            looked_for,
            others,
        }
    })
}

#[cfg(test)]
mod tests;
