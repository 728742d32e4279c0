//! A repository on this machine, opened in place.
//!
//! It may belong to another user, as it does when another container keeps it: libgit2's check of the owner guards against commands in
//! that repository's configuration, and reading objects runs none. Opening it as a bare one leaves the check, the work tree and the
//! environment (`GIT_DIR` and the like) out.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{CommitId, GitError};
use crate::decide::branch::{DOLT_DATA, Head, Refs};

/// Where git keeps what it knows of a work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitDirs {
    /// HEAD is in here.
    pub(crate) own: PathBuf,
    /// Objects and branches are in here. The same as `own` but for a linked work tree.
    pub(crate) common: PathBuf,
}

/// Finds the git directory of `path`: a work tree, linked or not, a bare repository, or a `.git`.
pub(crate) fn git_dirs(path: &Path) -> Result<GitDirs, GitError> {
    let none = |hint: String| GitError::NoRepository {
        place: path.display().to_string(),
        hint,
    };
    let broken = |error: io::Error| none(format!(": {error}"));
    let own = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(none(": the path does not exist".to_owned()));
        }
        Err(error) => return Err(broken(error)),
        Ok(found) if found.is_file() => gitfile(path).map_err(broken)?,
        Ok(_) => match fs::metadata(path.join(".git")) {
            Ok(found) if found.is_file() => gitfile(&path.join(".git")).map_err(broken)?,
            Ok(_) => path.join(".git"),
            Err(_) => path.to_owned(),
        },
    };
    match fs::metadata(own.join("HEAD")) {
        Ok(found) if found.is_file() => {}
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(broken(error)),
        _ => return Err(none(inside(path))),
    }
    let common = match fs::read_to_string(own.join("commondir")) {
        Ok(text) => own.join(text.trim_end()),
        Err(_) => own.clone(),
    };
    Ok(GitDirs { own, common })
}

/// `gitdir: PATH`, from the folder of the file (gitrepository-layout(5)).
fn gitfile(file: &Path) -> io::Result<PathBuf> {
    let text = fs::read_to_string(file)?;
    let target = text
        .strip_prefix("gitdir:")
        .ok_or_else(|| io::Error::other("the file does not start with gitdir:"))?;
    Ok(file.parent().unwrap_or(Path::new("")).join(target.trim()))
}

fn inside(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let around = path
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(".git").exists());
    around
        .map(|folder| {
            format!(
                ": it is inside the one at {}, give that path",
                folder.display()
            )
        })
        .unwrap_or_default()
}

/// Opens the repository to read from it.
pub(crate) fn open(path: &Path) -> Result<git2::Repository, GitError> {
    let dirs = git_dirs(path)?;
    git2::Repository::open_bare(&dirs.own).map_err(|error| GitError::Unreadable {
        place: path.display().to_string(),
        error,
    })
}

/// The refs of `names`, or all.
pub(crate) fn refs(
    repository: &git2::Repository,
    names: Option<&[String]>,
) -> Result<Refs, git2::Error> {
    let mut refs = Refs {
        head: head(repository)?,
        ..Refs::default()
    };
    match names {
        Some(names) => {
            for name in names.iter().map(String::as_str).chain([DOLT_DATA]) {
                match repository.find_reference(name) {
                    Ok(reference) => refs
                        .by_name
                        .extend(commit(&reference).map(|commit| (name.to_owned(), commit))),
                    Err(error) if is_absent(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        None => {
            for reference in repository.references()? {
                let reference = reference?;
                if let (Ok(name), Some(commit)) = (reference.name(), commit(&reference)) {
                    refs.by_name.insert(name.to_owned(), commit);
                }
            }
        }
    }
    Ok(refs)
}

fn is_absent(error: &git2::Error) -> bool {
    matches!(
        error.code(),
        git2::ErrorCode::NotFound | git2::ErrorCode::InvalidSpec
    )
}

fn head(repository: &git2::Repository) -> Result<Option<Head>, git2::Error> {
    let head = match repository.head() {
        Ok(head) => head,
        Err(error)
            if matches!(
                error.code(),
                git2::ErrorCode::UnbornBranch | git2::ErrorCode::NotFound
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let reference = head
        .name()
        .ok()
        .filter(|name| *name != "HEAD")
        .map(str::to_owned);
    Ok(commit(&head).map(|commit| Head { reference, commit }))
}

/// `None` for a ref to something that is no commit, such as Dolt's data.
fn commit(reference: &git2::Reference<'_>) -> Option<CommitId> {
    match reference.peel_to_commit() {
        Ok(commit) => Some(CommitId(commit.id())),
        Err(_) => reference.target().map(CommitId),
    }
}
