//! Work trees in which a branch is checked out, and a file of one that goes with its branch.

use std::fs;
use std::path::{Path, PathBuf};

use git2::build::CheckoutBuilder;
use git2::{Repository, RepositoryState, Status};

use super::revise::Publication;

/// Where a branch is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checkout {
    /// In the work tree of the repository that was opened.
    Here,
    /// In another one of it, at this path.
    Elsewhere(PathBuf),
}

/// The first work tree in which a branch is checked out.
pub(crate) fn checked_out(repository: &Repository, reference: &str) -> Option<Checkout> {
    let own = repository.path();
    let common = repository.commondir();
    if names(own, reference) && has_work_tree(repository, own, common) {
        return Some(Checkout::Here);
    }
    if own != common && names(common, reference) && !is_bare(repository) {
        let path = common.parent().unwrap_or(common).to_owned();
        return Some(Checkout::Elsewhere(path));
    }
    let linked = fs::read_dir(common.join("worktrees")).ok()?;
    let linked = linked.filter_map(|entry| Some(entry.ok()?.path()));
    let mut others = linked.filter(|folder| !is_same(folder, own) && names(folder, reference));
    others
        .next()
        .map(|folder| Checkout::Elsewhere(place(&folder)))
}

/// Whether HEAD in a git directory is this branch.
fn names(folder: &Path, reference: &str) -> bool {
    let head = fs::read_to_string(folder.join("HEAD")).unwrap_or_default();
    head.strip_prefix("ref:").map(str::trim) == Some(reference)
}

/// A linked work tree always has one, whatever the repository that it belongs to says.
fn has_work_tree(repository: &Repository, own: &Path, common: &Path) -> bool {
    !is_same(own, common) || !is_bare(repository)
}

fn is_bare(repository: &Repository) -> bool {
    let config = repository.config();
    let bare = config.and_then(|config| config.get_bool("core.bare"));
    bare.unwrap_or(false)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole(one) == whole(other)
}

/// Where a linked work tree is (gitrepository-layout(5): `gitdir` names its `.git` file).
fn place(folder: &Path) -> PathBuf {
    let file = fs::read_to_string(folder.join("gitdir")).unwrap_or_default();
    let file = Path::new(file.trim());
    file.parent().unwrap_or(folder).to_owned()
}

/// A work tree whose file is as it stands in the branch.
pub(crate) struct Follower(Repository);

/// The work tree of a branch, if it may go with it; else why not.
pub(crate) fn follower(
    publication: &Publication<'_>,
) -> Result<Result<Follower, String>, git2::Error> {
    let path = publication.path;
    let repository = Repository::open(publication.repository.path())?;
    if repository.state() != RepositoryState::Clean {
        return Ok(Err(
            "a merge, a rebase or the like is under way in the work tree: finish that first"
                .to_owned(),
        ));
    }
    let status = repository.status_file(Path::new(path))?;
    if status != Status::CURRENT {
        return Ok(Err(format!(
            "{path} has changes in the work tree that are not committed: commit them first, or put them aside (`git stash`)"
        )));
    }
    Ok(Ok(Follower(repository)))
}

impl Follower {
    /// Brings the file, and what the index says of it, to the commit that the branch is at now.
    pub(crate) fn follow(&self, publication: &Publication<'_>) -> Result<(), git2::Error> {
        let commit = self.0.find_object(publication.new, None)?;
        let mut only = CheckoutBuilder::new();
        only.force()
            .disable_pathspec_match(true)
            .path(publication.path);
        self.0.checkout_tree(&commit, Some(&mut only))
    }
}
