//! What the agent left uncommitted: every change of the work tree into the index of our own repository.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, Repository, Status, StatusOptions, StatusShow, Tree};

use super::lfs;
use crate::sparse::Sparse;

/// A path that does not go into the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) path: String,
    pub(super) why: Why,
}

/// Why a path does not go into the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    TooLarge,
    Repository,
    Unreadable,
    Credential,
    Lfs,
}

/// What is not taken.
pub(super) struct Filter<'a> {
    pub(super) sparse: &'a Sparse,
    /// Bytes.
    pub(super) max_file: u64,
    pub(super) telltales: &'a [Vec<u8>],
}

/// Paths named in a message.
const NAMED: usize = 5;

/// Brings the index from `tree` to what is in the work tree. Files that the project's own `.gitignore` leaves out stay out.
pub(super) fn take_in(
    repository: &Repository,
    index: &mut Index,
    tree: &Tree<'_>,
    filter: &Filter<'_>,
) -> Result<Vec<LeftOut>, git2::Error> {
    // Keeps what is known of unchanged files, so that they need not be read again.
    index.read_tree(tree)?;
    index.write()?;
    let root = repository.workdir().map(Path::to_owned).unwrap_or_default();
    let (gone, there): (Vec<_>, Vec<_>) = changes(repository)?
        .into_iter()
        .partition(|(_, status)| status.is_wt_deleted());
    for (path, _) in gone
        .into_iter()
        .filter(|(path, _)| filter.sparse.contains(&path.to_string_lossy()))
    {
        index.remove_path(&path)?;
    }
    let mut left_out = Vec::new();
    for (path, _) in there {
        if let Err(why) = add(repository, index, &root, &path, filter) {
            left_out.push(LeftOut {
                path: path.display().to_string(),
                why,
            });
        }
    }
    index.write()?;
    Ok(left_out)
}

fn changes(repository: &Repository) -> Result<Vec<(PathBuf, Status)>, git2::Error> {
    let mut options = StatusOptions::new();
    options
        .show(StatusShow::Workdir)
        .include_untracked(true)
        .recurse_untracked_dirs(true);
    options
        .include_ignored(false)
        .exclude_submodules(true)
        .include_unreadable(true);
    let statuses = repository.statuses(Some(&mut options))?;
    Ok(statuses
        .iter()
        .map(|entry| (OsStr::from_bytes(entry.path_bytes()).into(), entry.status()))
        .collect())
}

fn add(
    repository: &Repository,
    index: &mut Index,
    root: &Path,
    path: &Path,
    filter: &Filter<'_>,
) -> Result<(), Why> {
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(Why::Repository);
    }
    let before = index.get_path(path, 0);
    let metadata = root
        .join(path)
        .symlink_metadata()
        .map_err(|_| Why::Unreadable)?;
    if metadata.is_file() && metadata.len() > filter.max_file {
        return Err(Why::TooLarge);
    }
    if metadata.is_file() && lfs::is_kept(repository, path) {
        return lfs::add(repository, index, root, path);
    }
    index.add_path(path).map_err(|_| Why::Unreadable)?;
    if holds(repository, index, path, filter.telltales) {
        restore(index, path, before).map_err(|_| Why::Unreadable)?;
        return Err(Why::Credential);
    }
    Ok(())
}

/// Whether what was just put into the index has one of `texts` in it. A file of ours could have come in through a link that the agent put
/// in the place of a folder at the right moment.
fn holds(repository: &Repository, index: &Index, path: &Path, texts: &[Vec<u8>]) -> bool {
    let blob = index
        .get_path(path, 0)
        .and_then(|entry| repository.find_blob(entry.id).ok());
    let contains = |text: &Vec<u8>| {
        blob.as_ref()
            .is_some_and(|blob| blob.content().windows(text.len()).any(|part| part == text))
    };
    texts.iter().any(contains)
}

fn restore(index: &mut Index, path: &Path, before: Option<IndexEntry>) -> Result<(), git2::Error> {
    match before {
        Some(entry) => index.add(&entry),
        None => index.remove_path(path),
    }
}

/// What a person should know about the paths that were left out.
pub(super) fn remarks(left_out: &[LeftOut]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let named = left_out
        .iter()
        .take(NAMED)
        .map(|one| format!("{} ({})", one.path, one.why))
        .collect::<Vec<_>>()
        .join(", ");
    let more = left_out.len().saturating_sub(NAMED);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("left out of the commit: {named}{more}")
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "too large",
            Self::Repository => "a repository of its own",
            Self::Unreadable => "cannot be read",
            Self::Credential => "holds a part of the git credential",
            Self::Lfs => "belongs into Git LFS",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_name_some_paths_and_count_the_rest() {
        let left_out: Vec<_> = (0..7)
            .map(|n| LeftOut {
                path: format!("f{n}"),
                why: Why::TooLarge,
            })
            .collect();
        assert_eq!(
            remarks(&left_out),
            "left out of the commit: f0 (too large), f1 (too large), f2 (too large), f3 (too large), f4 (too large) and 2 more"
        );
        assert_eq!(remarks(&[]), "");
    }
}
