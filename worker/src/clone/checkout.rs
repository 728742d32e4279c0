//! The work tree.

use git2::build::CheckoutBuilder;
use git2::{
    ErrorCode, IndexEntry, IndexTime, ObjectType, Repository, Tree, TreeWalkMode, TreeWalkResult,
};

use super::plan::Plan;
use crate::sparse::Sparse;

/// Of an index entry: the file is left out of the work tree on purpose (gitformat-index(5)).
const SKIP_WORKTREE: u16 = 1 << 14;

/// Makes the work branch and checks it out.
pub(super) fn check_out(
    repository: &Repository,
    plan: &Plan,
    sparse: &Sparse,
) -> Result<(), git2::Error> {
    let commit = repository.find_commit(plan.start())?;
    repository.branch(&plan.work_branch, &commit, true)?;
    repository.set_head(&format!("refs/heads/{}", plan.work_branch))?;
    let mut options = CheckoutBuilder::new();
    options.force();
    if sparse.is_whole() {
        return repository.checkout_tree(commit.as_object(), Some(&mut options));
    }
    let (inside, outside) = split(&commit.tree()?, sparse)?;
    options.disable_pathspec_match(true);
    for entry in &inside {
        options.path(entry.path.as_slice());
    }
    // A list of no paths would mean all.
    if !inside.is_empty() {
        repository.checkout_tree(commit.as_object(), Some(&mut options))?;
    }
    leave_out(repository, &outside)?;
    tell_git(repository, sparse)
}

/// The files of the tree, those that are checked out and those that are not.
fn split(
    tree: &Tree<'_>,
    sparse: &Sparse,
) -> Result<(Vec<IndexEntry>, Vec<IndexEntry>), git2::Error> {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(ObjectType::Tree) {
            return TreeWalkResult::Ok;
        }
        let path = [folder.as_bytes(), entry.name_bytes()].concat();
        let is_inside = sparse.contains(&String::from_utf8_lossy(&path));
        let list = if is_inside { &mut inside } else { &mut outside };
        list.push(index_entry(path, entry.id(), entry.filemode_raw()));
        TreeWalkResult::Ok
    })?;
    Ok((inside, outside))
}

fn index_entry(path: Vec<u8>, id: git2::Oid, mode: i32) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: mode.cast_unsigned(),
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: SKIP_WORKTREE,
        path,
    }
}

/// Puts the files that are not checked out into the index, so that they are not taken for removed.
fn leave_out(repository: &Repository, entries: &[IndexEntry]) -> Result<(), git2::Error> {
    let mut index = repository.index()?;
    for entry in entries {
        index.add(entry)?;
    }
    index.write()
}

fn tell_git(repository: &Repository, sparse: &Sparse) -> Result<(), git2::Error> {
    let mut config = repository.config()?;
    config.set_bool("core.sparseCheckout", true)?;
    config.set_bool("core.sparseCheckoutCone", true)?;
    let info = repository.path().join("info");
    std::fs::create_dir_all(&info)
        .and_then(|()| std::fs::write(info.join("sparse-checkout"), sparse.patterns()))
        .map_err(|error| {
            git2::Error::new(
                ErrorCode::GenericError,
                git2::ErrorClass::Os,
                error.to_string(),
            )
        })
}
