//! The agent's work as one commit that can be pushed.

use std::path::Path;

use beadlet_supervise::contract::Work;
use git2::{Commit, Oid, Repository, Signature};

use super::leftover::{Filter, LeftOut, take_in};
use crate::history::is_descendant;

/// The ref of our own repository that is pushed.
pub(super) const RESULT: &str = "refs/beadlet/result";

/// What was made of the agent's work.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) commit: Oid,
    pub(super) left_out: Vec<LeftOut>,
}

/// Who commits, and with which words.
pub(super) struct Signed<'a> {
    pub(super) name: &'a str,
    pub(super) email: &'a str,
    pub(super) message: &'a str,
}

/// Makes the commit that holds all the agent did since `start`: its own commits if they come after `start`, and on top what it left
/// uncommitted. History that does not come after `start` could not be pushed; its outcome stands in the work tree all the same.
pub(super) fn save(
    repository: &Repository,
    start: Oid,
    tip: Option<Oid>,
    filter: &Filter<'_>,
    signed: &Signed<'_>,
) -> Result<Saved, git2::Error> {
    let start = repository.find_commit(start)?;
    let tip = tip
        .and_then(|tip| descendant(repository, tip, &start))
        .unwrap_or_else(|| start.clone());
    let mut index = repository.index()?;
    let left_out = take_in(repository, &mut index, &tip.tree()?, filter)?;
    let tree = index.write_tree()?;
    let commit = if tree == tip.tree_id() {
        tip.id()
    } else {
        commit(repository, &tip, tree, signed)?
    };
    repository.reference(RESULT, commit, true, "work of the agent")?;
    Ok(Saved { commit, left_out })
}

/// The commit, if all of it is there and it comes after `start`.
fn descendant<'r>(repository: &'r Repository, tip: Oid, start: &Commit<'_>) -> Option<Commit<'r>> {
    let commit = repository.find_commit(tip).ok()?;
    commit.tree().ok()?;
    is_descendant(repository, tip, start.id()).then_some(commit)
}

fn commit(
    repository: &Repository,
    parent: &Commit<'_>,
    tree: Oid,
    signed: &Signed<'_>,
) -> Result<Oid, git2::Error> {
    let signature = Signature::now(signed.name, signed.email)?;
    repository.commit(
        None,
        &signature,
        &signature,
        signed.message,
        &repository.find_tree(tree)?,
        &[parent],
    )
}

/// How the branch differs from where it left the base.
pub(super) fn work(
    repository: &Repository,
    branch: &str,
    commit: Oid,
    base: Oid,
) -> Result<Work, git2::Error> {
    // A history that is not all here does not say where the branch left the base.
    let fork = repository.merge_base(base, commit).unwrap_or(base);
    let (before, after) = (
        repository.find_commit(fork)?.tree()?,
        repository.find_commit(commit)?.tree()?,
    );
    let stats = repository
        .diff_tree_to_tree(Some(&before), Some(&after), None)?
        .stats()?;
    Ok(Work {
        branch: branch.to_owned(),
        commit: commit.to_string(),
        files: stats.files_changed(),
        insertions: stats.insertions(),
        deletions: stats.deletions(),
    })
}

/// Whether there is a work tree to take from: a real folder, not something the agent put in its place.
pub(super) fn is_work_tree(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir())
}
